import { AtriumClient, type ConnectionStatus, type StatusInfo } from '../src/index.js';
import { version } from '../src/version.js';
import { ActivityLog } from './activity_log.js';
import { Store } from './store.js';

export interface SessionView {
  status: ConnectionStatus;
  info: StatusInfo;
}

/** A user's connection, and what came over it. */
export class Session extends Store<SessionView> {
  readonly client: AtriumClient;
  /** How many there were. */
  connections = 0;

  constructor(
    readonly user: string,
    readonly log: ActivityLog,
  ) {
    super({ status: 'connecting', info: {} });
    this.client = new AtriumClient({ token: user, client: `atrium-demo/${version}` });
    this.client.onStatus((status, info) => {
      this.connections += status === 'online' ? 1 : 0;
      this.update({ status, info });
    });
    log.watch(this.client);
    this.client.connect();
  }
}
