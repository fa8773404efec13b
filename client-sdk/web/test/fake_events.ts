import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** The event streams of a server of one test: a room begins with a snapshot, the test says the rest. */
export class FakeEvents {
  readonly requests: IncomingMessage[] = [];
  /** What the next streams begin with, beside the usual. */
  snapshot: { position?: { epoch: string; offset?: string }; [field: string]: unknown } = {};
  /** Answers in place of a stream, if it returns true. */
  answer: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  private server: Server | undefined;
  private response: ServerResponse | undefined;
  private port = 0;

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      this.requests.push(request);
      if (!this.answer(request, response)) {
        this.begin(response);
      }
    });
    this.server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as { port: number }).port;
  }

  /** Of a WebSocket, which is not there. */
  get url(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  /** The value of this header in each request. */
  headers(name: string): unknown[] {
    return this.requests.map((request) => request.headers[name]);
  }

  push(frame: object, id = ''): void {
    this.write(`${id && `id: ${id}\n`}data: ${JSON.stringify(frame)}\n\n`);
  }

  write(text: string | Uint8Array): void {
    this.response!.write(text);
  }

  /** Loses the connection. */
  cut(): void {
    this.response!.destroy();
  }

  async stop(): Promise<void> {
    const { server } = this;
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  }

  private begin(response: ServerResponse): void {
    this.response = response;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('retry: 2000\n: hello\n');
    const snapshot = {
      room: { id: 'geral', memberCount: 1 },
      state: { topic: 'news' },
      position: { epoch: 'e1', offset: '4' },
      members: [{ id: 's9', userId: 'bo', connected: true }],
      ...this.snapshot,
    };
    this.push({ snapshot }, `${snapshot.position.epoch}:${snapshot.position.offset ?? 0}`);
  }
}

/** Answers with this status, and an error of this reason. */
export function refuse(response: ServerResponse, status: number, code: number, reason: string): true {
  const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, metadata: { room: 'geral' } }];
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ code, message: 'No', details }));
  return true;
}
