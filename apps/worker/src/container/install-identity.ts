/**
 * Which installation the containers of this worker belong to. Workers that share a workspace share the id: it is
 * made once, kept in the workspace, and read again at each start. Only containers labelled with it are ever touched.
 */
import { Inject, Injectable } from '@nestjs/common';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { v4 as uuid } from 'uuid';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';

@Injectable()
export class InstallIdentity {
  private known: Promise<string> | undefined;

  constructor(@Inject(WORKER_CONFIG) private readonly config: Pick<WorkerConfig, 'installId' | 'workspaceRoot'>) {}

  id(): Promise<string> {
    if (this.config.installId !== undefined) return Promise.resolve(this.config.installId);
    if (this.known === undefined) {
      this.known = this.readOrMake();
      this.known.catch(() => (this.known = undefined));
    }
    return this.known;
  }

  private async readOrMake(): Promise<string> {
    const folder = join(this.config.workspaceRoot, '.function-runner');
    const file = join(folder, 'install-id');
    await mkdir(folder, { recursive: true });
    const draft = `${file}.${uuid()}`;
    await writeFile(draft, `${uuid()}\n`);
    try {
      // A link appears whole or not at all: of two workers that start at once, both read the first one's.
      await link(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await rm(draft, { force: true });
    }
    return (await readFile(file, 'utf8')).trim();
  }
}
