import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { tempFolder } from './temp-folder.js';

/** What the primary one is called. */
const NAME = 'main';

/** A real Sentinel of one test file, which watches one primary Redis and decides alone; gone at the end. */
export class SentinelFixture {
  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
    private readonly removeFolder: () => Promise<void>,
  ) {}

  /** @param primary the port of the Redis that is the primary one now */
  static async start(primary: number): Promise<SentinelFixture> {
    const [folder, port] = [await tempFolder(), await freePort()];
    const file = join(folder.path, 'sentinel.conf');
    await writeFile(file, [
      `port ${port}`, 'bind 127.0.0.1', `dir ${folder.path}`,
      `sentinel monitor ${NAME} 127.0.0.1 ${primary} 1`, `sentinel down-after-milliseconds ${NAME} 1000`, `sentinel failover-timeout ${NAME} 5000`, '',
    ].join('\n'));
    return new SentinelFixture(port, spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' }), () => folder.remove());
  }

  /** Where the Sentinel itself answers. */
  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** What an app is told as REDIS_URL, to be led to the primary one. */
  get primaryUrl(): string {
    return `redis+sentinel://127.0.0.1:${this.port}/${NAME}`;
  }

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
    await this.removeFolder();
  }
}
