import type { INestApplicationContext } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import type { ApiConfig } from '../config/read-config.js';
import { corkUntilNextTick } from './cork-writes.js';
import { isOriginAllowed } from './origin-policy.js';

/** How far above MAX_PAYLOAD a message may be before Socket.IO cuts the connection without a word: up to there we answer. */
const HEADROOM = 8;
const LEAST_BUFFER_BYTES = 16 * 1024 * 1024;

// Nest's adapter brings a Socket.IO of its own; these are its types, and no second copy is loaded.
type ServerOptions = NonNullable<Parameters<IoAdapter['createIOServer']>[1]>;
type IoServer = ReturnType<IoAdapter['createIOServer']>;

/** A connection of engine.io that tells when it writes. */
type Flushing = Parameters<typeof corkUntilNextTick>[0] & { on: (event: 'flush', listener: () => void) => void };

/** Socket.IO with our limits and our Origin check. */
export class RunnerIoAdapter extends IoAdapter {
  constructor(app: INestApplicationContext, private readonly config: ApiConfig) {
    super(app);
  }

  override createIOServer(port: number, options?: ServerOptions): IoServer {
    const { allowedOrigins, maxPayload } = this.config;
    const own: Partial<ServerOptions> = {
      maxHttpBufferSize: Math.max(HEADROOM * maxPayload, LEAST_BUFFER_BYTES),
      allowRequest: (request, decide) => {
        const allowed = isOriginAllowed(request.headers.origin, allowedOrigins);
        decide(allowed ? null : 'this Origin may not connect; see ALLOWED_ORIGINS', allowed);
      },
      cors: { origin: (origin, decide) => decide(null, isOriginAllowed(origin, allowedOrigins)) },
      serveClient: false,
    };
    const server = super.createIOServer(port, { ...options, ...own } as ServerOptions);
    server.engine.on('connection', (connection: Flushing) => connection.on('flush', () => corkUntilNextTick(connection)));
    return server;
  }
}
