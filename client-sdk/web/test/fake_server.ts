import { WebSocketServer, type WebSocket as Socket } from 'ws';

type Frame = Record<string, any>;

/** A server of one test: answers hellos, joins and mounts, and lets the test say the rest. */
export class FakeServer {
  readonly hellos: Frame[] = [];
  readonly joins: Frame[] = [];
  readonly mounts: Frame[] = [];
  readonly sockets: Socket[] = [];
  /** What each connection asked for: its path, and all of its headers. */
  readonly handshakes: string[] = [];
  /** State that the next join or mount gets. */
  state: unknown = {};
  /** Error that the next joins and mounts get. */
  refuse: Frame | undefined;
  /** What a hello is answered with in place of a welcome, if anything. */
  refusalOf: (hello: Frame, id: number) => Frame[] | undefined = () => undefined;
  /** Called right behind each welcome. */
  onHello: () => void = () => {};
  /** Called with requests other than hello, join and mount; replies are the test's. */
  onRequest: (frame: Frame, socket: Socket) => void = () => {};
  pingInterval = '25s';
  /** Whether sessions outlive their connections. */
  resumes = false;
  /** What the next join gets beside the usual. */
  joined: Frame = {};
  /** What the welcome says beside the usual. */
  welcome: Frame = {};
  /** Default: the token of the hello. */
  userId: string | undefined;
  answersMounts = true;
  private sessions = 0;
  private server: WebSocketServer | undefined;

  constructor(private port = 0) {}

  async start(): Promise<void> {
    const server = new WebSocketServer({
      port: this.port,
      host: '127.0.0.1',
      handleProtocols: (offered) => [...offered][0]!,
    });
    this.server = server;
    server.on('connection', (socket, request) => {
      this.handshakes.push([request.url, ...request.rawHeaders].join(' '));
      this.sockets.push(socket);
      socket.on('message', (data) => this.receive(JSON.parse(String(data)), socket));
    });
    await new Promise((resolve) => server.once('listening', resolve));
    this.port = (server.address() as { port: number }).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  /** Of the last welcome. */
  get sessionId(): string {
    return `s${this.sessions}`;
  }

  get last(): Socket {
    return this.sockets[this.sockets.length - 1]!;
  }

  push(frame: Frame, socket = this.last): void {
    socket.send(JSON.stringify(frame));
  }

  /** Cuts all connections and stops listening; `start` listens on the same port again. */
  async stop(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    this.sockets.forEach((socket) => socket.terminate());
    if (server) {
      await new Promise((resolve) => server.close(resolve));
    }
  }

  private receive(frame: Frame, socket: Socket): void {
    if (socket.readyState !== socket.OPEN) {
      return; // It has been cut.
    }
    if (frame.hello) {
      this.hellos.push(frame.hello);
      const refusal = this.refusalOf(frame.hello, frame.id);
      if (refusal) {
        refusal.forEach((each) => this.push(each, socket));
        return;
      }
      const resumed = this.resumes && frame.hello.resumeToken === `t${this.hellos.length - 1}`;
      this.sessions += resumed ? 0 : 1;
      const welcome = {
        sessionId: this.sessionId,
        userId: this.userId ?? frame.hello.token,
        pingInterval: this.pingInterval,
        resumeToken: `t${this.hellos.length}`,
        ...(resumed && { resumed }),
        ...this.welcome,
      };
      this.push({ welcome }, socket);
      this.onHello();
    } else if (frame.join) {
      this.joins.push(frame.join);
      const memberId = this.sessionId;
      const result = this.refuse
        ? { error: this.refuse }
        : {
            join: {
              room: { id: frame.join.roomId, type: '', memberCount: 1, maxMembers: 0 },
              memberId,
              state: this.state,
              position: { epoch: 'e1', offset: '4' },
              members: [{ id: memberId, userId: 'ana', joinTime: '2026-01-01T00:00:00Z', connected: true }],
              ...this.joined,
            },
          };
      this.push({ reply: { id: frame.id, ...result } }, socket);
    } else if (frame.mount) {
      this.mounts.push(frame.mount);
      const mount = { componentId: `c${this.mounts.length}`, state: this.state };
      if (this.answersMounts) {
        this.push({ reply: { id: frame.id, ...(this.refuse ? { error: this.refuse } : { mount }) } }, socket);
      }
    } else {
      this.onRequest(frame, socket);
    }
  }
}
