import { once } from 'node:events';
import net from 'node:net';

/** The way from a page to a server, which can be cut. */
export class Wire {
  #server;
  #pairs = new Set();
  #open = true;
  #last;

  /** To the HTTP address of `daemon`. */
  static async start(daemon) {
    const wire = new Wire();
    const [host, port] = daemon.http.split(':');
    wire.#server = net.createServer((client) => wire.#connect(client, host, Number(port)));
    wire.#server.listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    wire.http = `127.0.0.1:${wire.#server.address().port}`;
    return wire;
  }

  get url() {
    return `http://${this.http}`;
  }

  /** Cuts all connections, without a word to either side's WebSocket, and refuses new ones until `mend`. */
  cut() {
    this.#open = false;
    this.#pairs.forEach((socket) => socket.destroy());
  }

  /** Cuts when the server says `text`, which does not go through. */
  cutBefore(text) {
    this.#last = text;
  }

  get isCut() {
    return !this.#open;
  }

  mend() {
    this.#open = true;
  }

  stop() {
    this.cut();
    this.#server.close();
  }

  #connect(client, host, port) {
    if (!this.#open) {
      client.destroy();
      return;
    }
    const server = net.connect(port, host);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ]) {
      this.#pairs.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        this.#pairs.delete(from);
        to.destroy();
      });
    }
    client.pipe(server);
    server.on('data', (data) => {
      if (this.#last && data.includes(this.#last)) {
        this.#last = undefined;
        this.cut();
      } else {
        client.write(data);
      }
    });
  }
}
