import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Where a server listens: a TCP port of this machine, or a Unix socket. */
export type ProxyTarget = { port: number } | { path: string };

/** What one direction of a connection still has to carry: a chunk, or `end` for the sender's half-close. */
interface Parcel {
  due: number;
  chunk: Buffer | 'end';
}

/** One client of the proxy and its connection to the target. */
interface Link {
  client: Socket;
  target: Socket;
  /** It carries nothing any more, whatever the proxy does: its peer is gone without a word. */
  dead: boolean;
  /** Something of it was swallowed, so its stream has a hole and must not go on. */
  holed: boolean;
  /** The next answer is not for the client. */
  dropsReply: boolean;
  /** Bytes that it may still carry towards the client before it is reset. */
  allowance: number;
}

/**
 * Stands between a client and a server and does what networks do, on demand. It owns its listening socket and every
 * connection through it; nothing of them is left after `stop`. The counters say which faults really fired.
 */
export class TcpProxy {
  /** Connections that the proxy has reset. */
  cuts = 0;
  /** Bytes that went into the black hole, either way. */
  swallowed = 0;
  /** Requests that reached the target and whose answer never reached the client. */
  droppedReplies = 0;
  /** Connections that were turned away. */
  refusals = 0;
  private readonly links = new Set<Link>();
  private readonly server: Server;
  private delayMs = 0;
  private black = false;
  private refusing = false;
  private allowance = Infinity;
  private drops: ((request: string) => boolean) | undefined;

  private constructor(private readonly target: ProxyTarget) {
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.join(client));
  }

  /** Listens on a free port of 127.0.0.1, or on a Unix socket at `at.path`. */
  static async start(target: ProxyTarget, at?: { path: string }): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    if (at === undefined) proxy.server.listen(0, '127.0.0.1');
    else proxy.server.listen(at.path);
    await once(proxy.server, 'listening');
    return proxy;
  }

  /** @throws Error where it listens on a Unix socket. */
  get port(): number {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
    return address.port;
  }

  /** Connections that it holds now. */
  get connections(): number {
    return this.links.size;
  }

  /** Each chunk towards the client comes so much later, ms, so that one question and its answer take this long; 0 ends it. */
  delay(ms: number): void {
    this.delayMs = ms;
  }

  /** Resets every connection now. */
  cut(): void {
    for (const link of this.links) this.reset(link);
  }

  /** Resets each connection, later ones too, once it has carried so many bytes towards the client from now; undefined ends it. */
  cutAfter(bytes: number | undefined): void {
    this.allowance = bytes ?? Infinity;
    for (const link of this.links) link.allowance = this.allowance;
  }

  /** Keeps and takes connections but carries nothing. Off again, it resets those whose stream has a hole by now. */
  blackhole(on: boolean): void {
    this.black = on;
    if (!on) for (const link of this.links) if (link.holed && !link.dead) this.reset(link);
  }

  /** The connections of now never carry anything again and are never closed, as if the peer's cable had been pulled; new ones work. */
  halfOpen(): void {
    for (const link of this.links) link.dead = true;
  }

  /** Turns new connections away; those of now stay. */
  refuse(on: boolean): void {
    this.refusing = on;
  }

  /** Carries the next request whose text matches to the target, swallows the answer and closes the client's connection. */
  dropReply(test: (request: string) => boolean): void {
    this.drops = test;
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const { client, target } of this.links) {
      client.destroy();
      target.destroy();
    }
    await closed;
  }

  private join(client: Socket): void {
    if (this.refusing) {
      this.refusals += 1;
      hangUp(client);
      return;
    }
    const target = connect({ ...this.target, allowHalfOpen: true, noDelay: true });
    const link: Link = { client, target, dead: false, holed: false, dropsReply: false, allowance: this.allowance };
    this.links.add(link);
    const toTarget = this.carry(link, client, target, () => 0);
    const toClient = this.carry(link, target, client, () => this.delayMs);
    client.on('data', (chunk) => {
      if (this.drops?.(chunk.toString('latin1')) === true) {
        this.drops = undefined;
        link.dropsReply = true;
      }
      toTarget(chunk);
    });
    target.on('data', (chunk) => (link.dropsReply ? this.keepBack(link) : toClient(this.allowed(link, chunk))));
    for (const [socket, other] of [[client, target], [target, client]] as const) {
      // An error is always followed by 'close', which does what there is to do.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        if (this.black || link.dead) link.holed = true;
        // The target is only told that nothing more will come: what it was asked it still does.
        else if (link.dropsReply) other.end();
        else other.destroy();
        if (client.destroyed && target.destroyed) this.links.delete(link);
      });
    }
  }

  /** Gives what takes a chunk of one direction, and carries it in order, in time, and no faster than the receiver reads. */
  private carry(link: Link, from: Socket, to: Socket, delay: () => number): (chunk: Parcel['chunk']) => void {
    const waiting: Parcel[] = [];
    let timer: NodeJS.Timeout | undefined;
    const pump = (): void => {
      timer = undefined;
      for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
        const early = next.due - performance.now();
        if (early > 0) {
          timer = setTimeout(pump, Math.ceil(early));
          return;
        }
        waiting.shift();
        this.hand(link, from, to, next.chunk);
      }
    };
    const take = (chunk: Parcel['chunk']): void => {
      waiting.push({ due: performance.now() + delay(), chunk });
      if (timer === undefined) pump();
    };
    from.on('end', () => take('end'));
    from.on('close', () => clearTimeout(timer));
    return take;
  }

  private hand(link: Link, from: Socket, to: Socket, chunk: Parcel['chunk']): void {
    if (this.black || link.dead || link.holed) {
      link.holed = true;
      this.swallowed += chunk === 'end' ? 0 : chunk.length;
    } else if (chunk === 'end') {
      to.end();
    } else if (!to.write(chunk)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
    if (to === link.client && link.allowance <= 0) this.reset(link);
  }

  /** As much of the chunk as its connection may still carry. */
  private allowed(link: Link, chunk: Buffer): Buffer {
    const part = chunk.length > link.allowance ? chunk.subarray(0, link.allowance) : chunk;
    link.allowance -= part.length;
    return part;
  }

  private keepBack(link: Link): void {
    if (link.client.destroyed) return;
    this.droppedReplies += 1;
    hangUp(link.client);
  }

  private reset(link: Link): void {
    link.target.destroy();
    if (link.client.destroyed) return;
    this.cuts += 1;
    hangUp(link.client);
  }
}

/** Closes with a reset where the socket is TCP; a Unix socket has none. */
function hangUp(socket: Socket): void {
  if (socket.remoteFamily === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
