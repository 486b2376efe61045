/**
 * Tasks as server-sent events (`id` = seq, `event` as on the socket, `data` the same payload in JSON).
 *
 * Owns the open streams. A stream ends after its task's terminal event, when its client goes or does not read, or when
 * the process drains; a client that comes back names its `Last-Event-ID` and misses nothing. Must stay true: nothing is written
 * after the end, which stays open for as long as a slow client reads: it would be an error that nobody hears, and end the process.
 */
import type { Response } from 'express';
import type { ClientEvent } from '@function-runner/progress-protocol';
import { hasDrained } from '../progress/has-drained.js';
import type { ProgressRelay, TaskStream } from '../progress/progress-relay.js';
import { SLOW_BYTES } from '../progress/unsent-bytes.js';

/** Silence after which proxies give a connection up is a minute or more; a comment goes out well before. */
const HEARTBEAT_MS = 15_000;

/** A client that takes nothing of what was sent for so long is cut off, milliseconds: some heartbeats. */
const STALLED_MS = 60_000;

/** Unsent bytes beyond which a stream is cut off. */
const MOST_BYTES = 4 * 1024 * 1024;

/** Pause before a client of a stream that this process ended connects again. */
const RECONNECT_MS = 500;

const TERMINAL_EVENTS = new Set<ClientEvent['name']>(['task_success', 'task_failed', 'task_cancelled']);

export class EventStreams {
  private readonly responses = new Set<Response>();

  constructor(
    private readonly relay: Pick<ProgressRelay, 'resume' | 'endStream'>,
    private readonly times = { heartbeatMs: HEARTBEAT_MS, stalledMs: STALLED_MS },
  ) {}

  /** Sends what came after `lastSeq`, then what comes. @throws TaskError TASK_NOT_FOUND | UNAVAILABLE, before anything was sent */
  async open(taskId: string, lastSeq: number, response: Response): Promise<void> {
    const stream: TaskStream = { event: (event) => this.write(response, event), lost: () => response.end() };
    let joined = false;
    await this.relay.resume(taskId, lastSeq, {
      open: () => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', Connection: 'keep-alive', 'X-Accel-Buffering': 'no' });
        response.flushHeaders();
        this.responses.add(response);
        // Of the socket: it runs while something waits to be read, and what is written meanwhile does not put it off.
        response.setTimeout(this.times.stalledMs, () => response.destroy());
        const heartbeat = setInterval(() => {
          if (!response.writableEnded) response.write(': still here\n\n');
        }, this.times.heartbeatMs).unref();
        response.on('close', () => {
          clearInterval(heartbeat);
          this.responses.delete(response);
          this.relay.endStream(taskId, stream);
        });
      },
      event: stream.event,
      drained: () => hasDrained(() => response.writableLength > SLOW_BYTES, () => response.destroyed || response.writableEnded),
      join: () => (joined = true),
      stream,
    });
    // Ended before: everything has been said. Gone meanwhile: its `close` came before the join.
    if (!joined) response.end();
    else if (response.destroyed) this.relay.endStream(taskId, stream);
  }

  /** Ends every stream, and tells its client when to come again. */
  close(): void {
    for (const response of this.responses) response.end(`retry: ${RECONNECT_MS}\n\n`);
  }

  private write(response: Response, { name, payload }: ClientEvent): void {
    if (response.writableEnded || response.destroyed) return;
    response.write(`id: ${payload.seq}\nevent: ${name}\ndata: ${JSON.stringify(payload)}\n\n`);
    if (TERMINAL_EVENTS.has(name)) response.end();
    else if (response.writableLength > MOST_BYTES) response.destroy();
  }
}
