import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { tempFolder, type TempFolder } from './temp-folder.js';

const run = promisify(execFile);

/** A file system of its own that is soon full, so that "no space left" comes from the kernel and not from a fake. */
export class SmallDisk {
  private constructor(private readonly folder: TempFolder) {}

  get path(): string {
    return this.folder.path;
  }

  /** Undefined where this machine lets us mount nothing: not root, or in a container without the right. */
  static async mount({ size, inodes }: { size: string; inodes?: number }): Promise<SmallDisk | undefined> {
    const folder = await tempFolder();
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${size}${inodes === undefined ? '' : `,nr_inodes=${inodes}`},mode=0755`, 'tmpfs', folder.path]);
      return new SmallDisk(folder);
    } catch {
      await folder.remove();
      return undefined;
    }
  }

  async remove(): Promise<void> {
    await run('umount', ['-l', this.path]);
    await this.folder.remove();
  }
}
