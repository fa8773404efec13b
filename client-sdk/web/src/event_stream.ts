export interface StreamMessage {
  data: string;
  /** Of this message, or else of the last one that had any. */
  id: string;
}

/** Reads server-sent events piece by piece, by the rules of the HTML standard. */
export class EventStream {
  private rest = '';
  private data: string[] = [];

  constructor(private id: string) {}

  /** The messages that end in `text`, which follows what was pushed before. */
  push(text: string): StreamMessage[] {
    const messages: StreamMessage[] = [];
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/); // A CR at the end may be half of a CR LF.
    this.rest = lines.pop()!;
    for (const line of lines) {
      if (line !== '') {
        this.readField(line);
      } else if (this.data.length > 0) {
        messages.push({ data: this.data.join('\n'), id: this.id });
        this.data = [];
      }
    }
    return messages;
  }

  // A line that begins with a colon is a comment. When to come again (`retry`) is for those without a back-off.
  private readField(line: string): void {
    const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!;
    if (name === 'data') {
      this.data.push(value);
    } else if (name === 'id' && !value.includes('\0')) {
      this.id = value;
    }
  }
}
