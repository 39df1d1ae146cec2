# SPDX-License-Identifier: Apache-2.0
#
# The real ChatKit server (PyPI openai-chatkit, pinned in requirements.txt) for
# tests: JSON lines in, JSON lines out.
#
#   {"do": "check", "type": "ThreadStreamEvent", "text": "{...}"}
#       "" when the text is such a value, and is written as that type writes
#       it; else what is wrong
#   {"do": "ask", "user": "ann", "request": "{...}", "script": [...]}
#       what the server answers: {"events": [...]}, {"document": "..."} or
#       {"raised": "..."}, texts as they are sent
#
# A script is what respond() does: ["title", text], ["thoughts", pieces],
# ["text", pieces], ["cut", pieces] without an end, ["call", id, name,
# arguments], ["raise"], ["refuse", message].
import asyncio
import json
import logging
import re
import sys
from collections import defaultdict
from datetime import datetime

from pydantic import TypeAdapter

import chatkit.types as types
from chatkit.errors import CustomStreamError
from chatkit.server import ChatKitServer, StreamingResult
from chatkit.store import NotFoundError, Store


class Memory(Store):
    """Threads of users in memory; a page is cut behind an item."""

    def __init__(self):
        self.threads = defaultdict(dict)
        self.rows = defaultdict(list)

    async def load_thread(self, thread_id, context):
        if thread_id not in self.threads[context]:
            raise NotFoundError(thread_id)
        return self.threads[context][thread_id].model_copy(deep=True)

    async def save_thread(self, thread, context):
        self.threads[context][thread.id] = types.ThreadMetadata(**thread.model_dump(exclude={"items"}))

    def page(self, rows, after, limit, order):
        rows = rows if order == "asc" else rows[::-1]
        if after:
            ids = [row.id for row in rows]
            rows = rows[ids.index(after) + 1 :] if after in ids else []
        data = [row.model_copy(deep=True) for row in rows[:limit]]
        more = len(rows) > limit
        return types.Page(data=data, has_more=more, after=data[-1].id if more else None)

    async def load_thread_items(self, thread_id, after, limit, order, context):
        await self.load_thread(thread_id, context)
        return self.page(self.rows[thread_id], after, limit, order)

    async def load_threads(self, limit, after, order, context):
        return self.page(list(self.threads[context].values()), after, limit, order)

    async def add_thread_item(self, thread_id, item, context):
        self.rows[thread_id].append(item.model_copy(deep=True))

    async def save_item(self, thread_id, item, context):
        self.rows[thread_id] = [item if row.id == item.id else row for row in self.rows[thread_id]]

    async def load_item(self, thread_id, item_id, context):
        for row in self.rows[thread_id]:
            if row.id == item_id:
                return row
        raise NotFoundError(item_id)

    async def delete_thread(self, thread_id, context):
        await self.load_thread(thread_id, context)
        del self.threads[context][thread_id]
        self.rows.pop(thread_id, None)

    async def delete_thread_item(self, thread_id, item_id, context):
        self.rows[thread_id] = [row for row in self.rows[thread_id] if row.id != item_id]

    async def save_attachment(self, attachment, context):
        raise NotImplementedError

    async def load_attachment(self, attachment_id, context):
        raise NotFoundError(attachment_id)

    async def delete_attachment(self, attachment_id, context):
        raise NotImplementedError


def updated(item, update):
    return types.ThreadItemUpdatedEvent(item_id=item.id, update=update)


class Server(ChatKitServer):
    script = []

    def base(self, thread, kind):
        return {
            "id": self.store.generate_item_id(kind, thread, None),
            "thread_id": thread.id,
            "created_at": datetime.now(),
        }

    async def say(self, thread, pieces):
        item = types.AssistantMessageItem(**self.base(thread, "message"), content=[])
        yield types.ThreadItemAddedEvent(item=item)
        content = types.AssistantMessageContent(text="")
        yield updated(item, types.AssistantMessageContentPartAdded(content_index=0, content=content))
        for piece in pieces:
            yield updated(item, types.AssistantMessageContentPartTextDelta(content_index=0, delta=piece))
        content = types.AssistantMessageContent(text="".join(pieces))
        yield updated(item, types.AssistantMessageContentPartDone(content_index=0, content=content))
        yield types.ThreadItemDoneEvent(item=item.model_copy(update={"content": [content]}))

    async def think(self, thread, pieces):
        item = types.WorkflowItem(**self.base(thread, "workflow"), workflow=types.Workflow(type="reasoning", tasks=[]))
        yield types.ThreadItemAddedEvent(item=item)
        for i in range(len(pieces)):
            kind = types.WorkflowTaskUpdated if i else types.WorkflowTaskAdded
            yield updated(item, kind(task_index=0, task=types.ThoughtTask(content="".join(pieces[: i + 1]))))
        tasks = [types.ThoughtTask(content="".join(pieces))]
        yield types.ThreadItemDoneEvent(item=item.model_copy(update={"workflow": types.Workflow(type="reasoning", tasks=tasks)}))

    async def respond(self, thread, input_user_message, context):
        title = None
        for what, *rest in self.script:
            if what == "title":
                title = rest[0]
            elif what == "text":
                async for event in self.say(thread, *rest):
                    yield event
            elif what == "cut":
                events = [event async for event in self.say(thread, *rest)]
                for event in events[:-2]:
                    yield event
            elif what == "thoughts":
                async for event in self.think(thread, *rest):
                    yield event
            elif what == "call":
                yield types.ThreadItemDoneEvent(
                    item=types.ClientToolCallItem(
                        **self.base(thread, "tool_call"), call_id=rest[0], name=rest[1], arguments=json.loads(rest[2])
                    )
                )
            elif what == "refuse":
                raise CustomStreamError(rest[0], allow_retry=False)
            elif what == "raise":
                thread.title = title or thread.title
                raise RuntimeError("as the script says")
        thread.title = title or thread.title


# Both sides write the same moment with digits of their own.
def timeless(text):
    return re.sub(r'"created_at":"[^"]*"', '"created_at":""', text)


def check(job):
    kind = getattr(types, job["type"], None)
    if job["type"].startswith("Page"):
        kind = types.Page[types.Thread if job["type"] == "PageOfThreads" else types.ThreadItem]
    adapter = TypeAdapter(kind)
    try:
        value = adapter.validate_json(job["text"])
    except ValueError as e:
        return str(e)
    again = adapter.dump_json(value, exclude_none=True, by_alias=True).decode()
    return "" if timeless(again) == timeless(job["text"]) else f"is written as {again}"


async def ask(server, job):
    server.script = job.get("script", [])
    try:
        result = await server.process(job["request"], job["user"])
        if isinstance(result, StreamingResult):
            return {"events": [event.decode() async for event in result]}
        return {"document": result.json.decode()}
    except Exception as e:
        return {"raised": f"{type(e).__name__}: {e}"}


async def main():
    server = Server(Memory())
    for line in sys.stdin:
        job = json.loads(line)
        answer = check(job) if job["do"] == "check" else await ask(server, job)
        print(json.dumps(answer), flush=True)



logging.disable(logging.CRITICAL)
asyncio.run(main())
