import { chooseProject } from './choose-project.js';

const recent = (...names: string[]): { name: string }[] => names.map((name) => ({ name }));

describe('chooseProject', () => {
  it.each<[string, { name: string }[], (string | undefined)[], string | undefined]>([
    ['none where nobody has used it', [], [], undefined],
    ['the one that used it last', recent('new', 'old'), [], 'new'],
    ['the next one where the last one is served', recent('new', 'old'), ['new'], 'old'],
    ['the last one again where all are served', recent('new', 'old'), ['old', 'new'], 'new'],
    ['the one with the fewest', recent('new', 'old'), ['new', 'old', 'new'], 'old'],
    ['whoever else is served', recent('new'), ['other', undefined], 'new'],
  ])('%s', (_, projects, served, expected) => expect(chooseProject(projects, served)?.name).toBe(expected));
});
