import { Backoff, type BackoffLimits } from './backoff.js';
import { watchBrowser } from './browser.js';
import { lost, notConnected, type Ending } from './connection.js';
import { AtriumError, Code } from './error.js';
import { EventStream, type StreamMessage } from './event_stream.js';
import type { Unsubscribe } from './listeners.js';
import type { Json, JsonObject, ServerFrame, Status } from './protocol.js';
import { RoomView } from './room_view.js';
import { CurrentStatus, type ConnectionStatus, type StatusInfo } from './status.js';
import type { Tokens } from './tokens.js';

/** @internal What a watch needs of its client. */
export interface WatchLink {
  /** Of the WebSocket. */
  url: string;
  tokens: Tokens;
  fetch: typeof fetch;
  backoff: BackoffLimits;
  /** Milliseconds to wait for the answer. */
  requestTimeout: number;
  onClosed(watch: Watch<never>): void;
}

// The server says something at least each 25 s, unless it was told otherwise.
const kSilence = 60_000;

/**
 * A room that is followed without being joined: what everybody in it sees, each frame once, over as many connections as
 * that takes. While one is lost all is as it was last seen.
 */
export class Watch<State = JsonObject> extends RoomView<State> {
  private readonly current = new CurrentStatus();
  private readonly backoff: Backoff;
  private readonly unwatch: Unsubscribe;
  // Of the connection that is there or being made.
  private attempt: AbortController | undefined;
  // Of the next try, or else of the next sign of life.
  private timer: ReturnType<typeof setTimeout> | undefined;
  private notBefore = 0;
  private lastEventId = '';
  // The token of this connection is the second one.
  private askedAgain = false;

  /** @internal Watches come from `AtriumClient`. */
  constructor(
    id: string,
    private readonly link: WatchLink,
  ) {
    super(id);
    this.backoff = new Backoff(link.backoff);
    this.unwatch = watchBrowser({
      wake: () => Date.now() >= this.notBefore && this.connect(),
      hide: () => this.leave(),
      show: () => this.connect(),
    });
    this.connect();
  }

  get status(): ConnectionStatus {
    return this.current.value;
  }

  get statusInfo(): StatusInfo {
    return this.current.info;
  }

  /** `resumed`: it goes on from what was seen. When `closed` nothing comes any more; `error` says why. */
  onStatus(listener: (status: ConnectionStatus, info: StatusInfo) => void): Unsubscribe {
    return this.current.onChange(listener);
  }

  close(): void {
    this.end(new AtriumError(Code.CANCELLED, 'CLOSED', 'The watch was closed.'));
  }

  /** @internal */
  end(error: AtriumError): void {
    this.drop();
    this.unwatch();
    this.current.set('closed', { error });
    this.link.onClosed(this as unknown as Watch<never>);
  }

  /** @internal The stream does not answer: it begins anew. */
  protected override fetchState(): Promise<Json> {
    this.lastEventId = '';
    this.attempt?.abort(lost('A patch did not fit the state.').error);
    return Promise.reject(notConnected());
  }

  private connect(): void {
    if (this.attempt || this.status === 'closed') {
      return;
    }
    clearTimeout(this.timer);
    const attempt = new AbortController();
    this.attempt = attempt;
    this.current.set('connecting');
    void this.follow(attempt).then((ending) => this.attempt === attempt && this.onEnd(ending));
  }

  private onEnd(ending: Ending): void {
    if (!ending.retry) {
      this.end(ending.error);
      return;
    }
    this.drop();
    const delay = ending.wait + this.backoff.next();
    this.notBefore = Date.now() + ending.wait;
    this.timer = setTimeout(() => this.connect(), delay);
    this.current.set('offline', { retryAt: Date.now() + delay, error: ending.error });
  }

  // The page may be shown again.
  private leave(): void {
    if (this.status !== 'closed') {
      this.drop();
      this.current.set('offline', lost('The page was left.'));
    }
  }

  private drop(): void {
    clearTimeout(this.timer);
    const { attempt } = this;
    this.attempt = undefined;
    attempt?.abort();
  }

  // Gives up the connection if nothing comes for so long.
  private expect(attempt: AbortController, time: number): void {
    if (this.attempt !== attempt) {
      return;
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => attempt.abort(lost('The server has gone silent.').error), time);
  }

  private async follow(attempt: AbortController): Promise<Ending> {
    const { fetch, tokens, requestTimeout, url } = this.link;
    try {
      const token = await tokens.get();
      this.expect(attempt, requestTimeout);
      const response = await fetch(addressOf(url, this.id), {
        headers: {
          Accept: 'text/event-stream',
          ...(token && { Authorization: `Bearer ${token}` }),
          ...(this.lastEventId && { 'Last-Event-ID': this.lastEventId }),
        },
        cache: 'no-store',
        signal: attempt.signal,
      });
      if (response.status === 401 && !this.askedAgain && tokens.expire(token)) {
        this.askedAgain = true;
        return await this.follow(attempt);
      }
      if (response.status !== 200) {
        return await refusalOf(response);
      }
      this.askedAgain = false;
      await this.read(response, attempt);
      return lost('The server ended the stream.');
    } catch (thrown) {
      const error: unknown = attempt.signal.reason ?? thrown;
      return error instanceof AtriumError ? { error, retry: true, wait: 0 } : lost(String(error));
    }
  }

  private async read(response: Response, attempt: AbortController): Promise<void> {
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
      throw lost('The server sent something that is not a stream of events.').error;
    }
    const reader = response.body!.getReader();
    const decoder = new TextDecoder();
    const stream = new EventStream(this.lastEventId);
    for (;;) {
      this.expect(attempt, kSilence);
      const { done, value } = await reader.read();
      if (done) {
        return;
      }
      for (const message of stream.push(decoder.decode(value, { stream: true }))) {
        if (attempt.signal.aborted) {
          throw attempt.signal.reason;
        }
        this.receive(message);
      }
    }
  }

  // Behind a `left` the stream ends; the next answer tells whether the room has gone for good.
  private receive({ data, id }: StreamMessage): void {
    const { snapshot, event, patch, member } = JSON.parse(data) as ServerFrame;
    this.lastEventId = id;
    if (snapshot) {
      const resumed = snapshot.recovered === true;
      this.take(snapshot, this.known !== undefined && !resumed);
      this.backoff.succeed();
      this.current.set('online', { resumed });
    } else if (event) {
      this.receiveEvent(event);
    } else if (patch) {
      this.receivePatch(patch);
    } else if (member) {
      this.receiveMembers(member);
    }
  }
}

// Beside the WebSocket. The token is in a header: addresses are logged.
function addressOf(url: string, roomId: string): string {
  const base = new URL(url, globalThis.location?.href);
  return new URL(`api/rooms/${encodeURIComponent(roomId)}/events`, base).href.replace(/^ws/, 'http');
}

async function refusalOf(response: Response): Promise<Ending> {
  const { status, headers } = response;
  if (status === 204) {
    const error = new AtriumError(Code.NOT_FOUND, 'ROOM_DESTROYED', 'The room was destroyed.');
    return { error, retry: false, wait: 0 };
  }
  const body = (await response.json().catch(() => ({}))) as Status;
  const error = body.details
    ? AtriumError.fromStatus(body)
    : new AtriumError(Code.UNAVAILABLE, `HTTP_${status}`, `The server answered with status ${status}.`);
  const isFinal = status >= 400 && status < 500 && status !== 408 && status !== 429;
  return { error, retry: !isFinal, wait: 1000 * (Number(headers.get('retry-after')) || 0) };
}
