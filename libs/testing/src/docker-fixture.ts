import { randomUUID } from 'node:crypto';
import Docker from 'dockerode';

/** Our label of an installation, written out: a test that used the product's own constant could not notice its change. */
const INSTALL_LABEL = 'function-runner.install';
const TASK_LABEL = 'function-runner.task';

/** Marks what a test made by itself, beside the product. */
const PLANTED_LABEL = 'function-runner-test.planted-by';

/** The real Docker daemon as one test file uses it: an installation id of its own, and everything with it gone at the end. */
export class DockerFixture {
  readonly installId = `test-${randomUUID()}`;
  readonly docker = new Docker();

  /** Containers of this installation, whatever their state, of one task where given. */
  async containers(taskId?: string): Promise<Docker.ContainerInfo[]> {
    const label = [`${INSTALL_LABEL}=${this.installId}`, ...(taskId === undefined ? [] : [`${TASK_LABEL}=${taskId}`])];
    return this.docker.listContainers({ all: true, filters: { label } });
  }

  /** The id of the task's container once it runs; undefined before. */
  async runningContainer(taskId: string): Promise<string | undefined> {
    return (await this.containers(taskId)).find(({ State }) => State === 'running')?.Id;
  }

  async kill(id: string, signal = 'SIGKILL'): Promise<void> {
    await this.docker.getContainer(id).kill({ signal });
  }

  /** A container that runs until it is removed, with labels as the test wants them. */
  async plant(image: string, labels: Record<string, string>): Promise<string> {
    const container = await this.docker.createContainer({
      Image: image, Entrypoint: ['/usr/local/bin/node', '-e', 'setInterval(() => {}, 1e6)'], Labels: { ...labels, [PLANTED_LABEL]: this.installId }, HostConfig: { NetworkMode: 'none', Init: true },
    });
    await container.start();
    return container.id;
  }

  async exists(id: string): Promise<boolean> {
    const all = await this.docker.listContainers({ all: true, filters: { id: [id] } });
    return all.length > 0;
  }

  /** Removes whatever is left of this installation and of what was planted. */
  async stop(): Promise<void> {
    const planted = await this.docker.listContainers({ all: true, filters: { label: [`${PLANTED_LABEL}=${this.installId}`] } });
    for (const { Id } of [...(await this.containers()), ...planted]) {
      await this.docker.getContainer(Id).remove({ force: true }).catch((error: { statusCode?: number }) => {
        if (error.statusCode !== 404 && error.statusCode !== 409) throw error;
      });
    }
  }
}
