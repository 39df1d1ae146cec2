/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admission of a stream on the request's thread, before a driver has it:
 * the thread submits the query and waits. Where the stream is about to be
 * parked, it does what could block, and the engine submits the query
 * (chat_engine_admission.c).
 */
#include "chat_stream_int.h"

void chat_stream_admission_granted(chat_stream_t *s)
{
    if (s->spec.cb->admitted)
        s->spec.cb->admitted(s->spec.ctx);
}

static int decide(chat_stream_t *s, chat_admission_e verdict)
{
    if (verdict == CHAT_ADMISSION_REFUSED)
        chat_stream_end(s, CHAT_END_REFUSED, NULL);
    else if (verdict == CHAT_ADMISSION_GRANTED)
        chat_stream_admission_granted(s);
    return !s->ended;
}

int chat_stream_admission_wait(chat_stream_t *s)
{
    const chat_admission_t *admission = s->spec.admission;

    return !admission || decide(s, admission->wait(s->spec.query));
}

int chat_stream_admission_prepare(chat_stream_t *s, void *connection)
{
    chat_admission_e verdict =
        s->spec.admission->prepare(connection, s->spec.query);

    if (verdict == CHAT_ADMISSION_PENDING)
        s->admission.connection = connection;
    return decide(s, verdict);
}
