import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const kRoot = fileURLToPath(new URL('../..', import.meta.url));
const kBinary = process.env.ATRIUMD || `${kRoot}build/release/bin/atriumd`;
const kStartTimeout = 15_000;

export const root = kRoot;

/** A running atriumd, in a process of its own. */
export class Daemon {
  /** Starts one, with `--dev` unless `flags` have keys of services. Addresses are `host:port`; port 0 picks a free one. */
  static async start({ grpc = '127.0.0.1:0', http = '127.0.0.1:0', flags = [] } = {}) {
    const daemon = new Daemon();
    const dev = flags.some((flag) => flag.startsWith('--service-keys')) ? [] : ['--dev'];
    const args = [...dev, '--grpc-address', grpc, '--http-address', http, '--admin-address', '127.0.0.1:0', ...flags];
    daemon.process = spawn(kBinary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    daemon.log = '';
    daemon.process.stderr.on('data', (data) => (daemon.log = (daemon.log + data).slice(-20_000)));
    daemon.exited = once(daemon.process, 'exit');
    process.once('exit', () => daemon.process.kill('SIGKILL'));
    [, daemon.grpc, daemon.http, daemon.admin] = await daemon.ready();
    return daemon;
  }

  get url() {
    return `http://${this.http}`;
  }

  get webSocketUrl() {
    return `ws://${this.http}/ws`;
  }

  /** Ends it; the exit code, or the name of the signal that killed it. */
  async stop(signal = 'SIGTERM') {
    this.process.kill(signal);
    const [code, killedBy] = await this.exited;
    if (killedBy && killedBy !== signal) {
      console.error(`atriumd was killed by ${killedBy}\n${this.log}`);
    }
    return code ?? killedBy;
  }

  async ready() {
    const lines = createInterface({ input: this.process.stdout });
    const found = new Promise((resolve) =>
      lines.on('line', (line) => {
        const match = /^atriumd ready grpc=(\S+) http=(\S+) admin=(\S+)/.exec(line);
        if (match) {
          resolve(match);
        }
      }),
    );
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`atriumd was not ready in time\n${this.log}`)), kStartTimeout);
    });
    const gone = this.exited.then(([code]) => {
      throw new Error(`atriumd ended with code ${code}\n${this.log}`);
    });
    gone.catch(() => {}); // Also when it ends later, as told.
    try {
      return await Promise.race([found, late, gone]);
    } finally {
      clearTimeout(timer);
    }
  }
}
