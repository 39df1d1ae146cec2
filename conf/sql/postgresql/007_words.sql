-- SPDX-License-Identifier: Apache-2.0
--
-- Words with their owner in front. An index of words alone has, for a word that
-- all use, everybody's messages in one list, and a search read it to its end to
-- find those of one user: what it took grew with all messages of all users. The
-- owner is eight digits, which may be those of another user, too: a search
-- compares who a row belongs to as well. To make both indexes anew takes up to a
-- minute for 200,000 messages, and nobody can read or write them meanwhile.
-- PostgreSQL 13 or later. A statement ends with a semicolon and an empty line.
do $$
declare
  home text;
begin
  select quote_ident(n.nspname) into home
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.oid = 'chat_message'::regclass;
  -- A word has 2046 bytes at most, with its owner. In few texts one can be longer.
  execute format('create function %s.chat_short_words(words text[]) returns text[]'
    ' language sql immutable strict parallel safe as %L', home,
    'select array(select word from unnest(words) word where octet_length(word) < 2039)');
  -- No word has U+0001 in it. An array is taken apart and put together by functions
  -- of PostgreSQL alone: a query, or a function of ours more, would take as long as
  -- the words of a short text.
  execute format('create or replace function %s.chat_words(owner text, body text) returns tsvector'
    ' language sql immutable strict parallel safe as %L', home,
    format('select array_to_tsvector(string_to_array(left(md5(owner), 8) || array_to_string('
      'case when octet_length(body) < 1000'
      ' then tsvector_to_array(to_tsvector(''pg_catalog.simple'', %1$s.chat_fold(body)))'
      ' else %1$s.chat_short_words(tsvector_to_array(to_tsvector(''pg_catalog.simple'','
      ' %1$s.chat_fold(left(body, 100000))))) end,'
      ' E''\x01'' || left(md5(owner), 8)), E''\x01''))', home));
  -- What an owner asks for: all of these words, which go on in that way (":*": in
  -- any). No word: nothing, and not everything.
  execute format('create function %s.chat_asked(owner text, words text, goes_on text) returns tsquery'
    ' language sql immutable strict parallel safe as %L', home,
    'select cast(string_agg('''''''' || left(md5(owner), 8) || replace(replace(lexeme, ''\'', ''\\''), '''''''','
    ' '''''''''''') || '''''''' || goes_on, '' & '') as tsquery)'
    ' from unnest(to_tsvector(''pg_catalog.simple'', ' || home || '.chat_fold(words)))'
    ' where octet_length(lexeme) < 2039');
end
$$;

reindex index chat_message_search;

reindex index chat_conversation_search;
