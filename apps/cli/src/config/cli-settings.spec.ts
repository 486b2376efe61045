import { describe, expect, test } from '@jest/globals';
import { readCliSettings } from './cli-settings.js';

describe('readCliSettings', () => {
  test.each([
    [{}, '/here/workspace/Library/AI_Models'],
    [{ WORKSPACE_ROOT: '/films' }, '/films/Library/AI_Models'],
    [{ WORKSPACE_ROOT: 'films' }, '/here/films/Library/AI_Models'],
    [{ WORKSPACE_ROOT: '/films', MODELS_ROOT: '/models' }, '/models'],
    [{ MODELS_ROOT: 'models' }, '/here/models'],
    [{ MODELS_ROOT: '' }, '/here/workspace/Library/AI_Models'],
  ])('%j puts the store into %s', (environment, modelsRoot) => {
    expect(readCliSettings(environment, '/here')).toEqual({ modelsRoot });
  });
});
