import { rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { initStore, installModel } from '@function-runner/model-store';
import { tempFolder, type TempFolder } from '@function-runner/testing';
import { KnownModels } from './known-models.js';

let folder: TempFolder;
let root: string;
let models: KnownModels;

const install = async (version: string, type: 'image' | 'audio' = 'audio'): Promise<void> => {
  await writeFile(join(folder.path, 'source'), `weights of ${version}`);
  await installModel(root, { id: 'm', name: 'm', version, type, requirements: { vram: 0, disk_space: 1 } }, [{ from: join(folder.path, 'source'), name: 'w.bin' }]);
};
const weights = (): string => join(root, 'audio/models/m/1.0.0/w.bin');
const version = async (): Promise<string> => (await models.find('m')).manifest.version;

beforeEach(async () => {
  folder = await tempFolder();
  root = join(folder.path, 'models');
  await initStore(root);
  await install('1.0.0');
  models = new KnownModels(root);
});
afterEach(() => folder.remove());

describe('KnownModels', () => {
  it('finds a model, and the very same one again while nothing has changed', async () => {
    const found = await models.find('m');
    expect(found).toMatchObject({ manifest: { id: 'm', version: '1.0.0' }, folder: join(root, 'audio/models/m/1.0.0'), current: true });
    expect(await models.find('m')).toBe(found);
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['a file of it is missing', () => rm(weights()), 'w.bin is missing'],
    ['a file of it has another size', () => writeFile(weights(), 'cut'), 'has 3 bytes'],
    ['a link stands for a file of it', async () => { await rm(weights()); await symlink(join(folder.path, 'source'), weights()); }, 'no plain file'],
    ['its manifest is wrong', () => writeFile(join(root, 'audio/models/m/1.0.0/model.json'), '{}'), 'model.json is wrong'],
  ])('says so as soon as %s, and again, and is content once that is mended', async (_, damage, fault) => {
    expect(await version()).toBe('1.0.0');
    await damage();
    for (let times = 0; times < 2; times += 1) await expect(models.find('m')).rejects.toMatchObject({ code: 'MODEL_CORRUPT', message: expect.stringContaining(fault) });
    await rm(join(root, 'audio/models/m'), { recursive: true });
    await expect(models.find('m')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    await install('1.0.0');
    expect(await version()).toBe('1.0.0');
  });

  it('goes over to another version as soon as that is in use', async () => {
    expect(await version()).toBe('1.0.0');
    await install('1.1.0');
    expect(await version()).toBe('1.1.0');
    await writeFile(join(root, 'audio/models/m/current.json'), '{"version":"1.0.0"}');
    expect(await version()).toBe('1.0.0');
  });

  it('sees that a model of the same id has come in a category that goes first', async () => {
    expect(await version()).toBe('1.0.0');
    await install('3.0.0', 'image');
    expect(await version()).toBe('3.0.0');
  });

  it('looks again at files that were only touched', async () => {
    const found = await models.find('m');
    await utimes(weights(), 1, 1);
    const again = await models.find('m');
    expect(again).not.toBe(found);
    expect(again).toEqual(found);
  });
});
