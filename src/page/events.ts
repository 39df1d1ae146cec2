// SPDX-License-Identifier: Apache-2.0
//
// Server-sent events, as the HTML standard has them, from pieces of any length.

export interface StreamedEvent {
    id: string;
    data: string;
}

export class EventParser {
    private rest = "";
    private data: string[] = [];
    private id = "";

    /** The events that are whole with this piece. */
    feed(text: string): StreamedEvent[] {
        const events: StreamedEvent[] = [];
        // A CR at the end may be half of a CRLF.
        const all = this.rest + text;
        const end = all.endsWith("\r") ? all.length - 1 : all.length;
        const lines = all.slice(0, end).split(/\r\n|\n|\r/);
        this.rest = lines.pop()! + all.slice(end);
        for (const line of lines) {
            if (line) this.field(line);
            else if (this.data.length) {
                events.push({ id: this.id, data: this.data.join("\n") });
                this.data = [];
            }
        }
        return events;
    }

    private field(line: string): void {
        const [, name, value] = /^([^:]*):? ?([^]*)$/.exec(line)!;
        if (name === "data") this.data.push(value!);
        else if (name === "id" && !value!.includes("\0")) this.id = value!;
    }
}
