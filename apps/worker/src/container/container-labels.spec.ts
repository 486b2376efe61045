import { containerLabels, servingPlace } from './container-labels.js';

const OWNER = { installId: 'i', workerId: 'w', taskId: 't', attempt: 3, pipelineId: 'p:1.0', leaseId: 'l' };

it('says whose container it is, under names that other tools may look for', () => {
  expect(containerLabels({ ...OWNER, serving: undefined })).toEqual({
    'function-runner.install': 'i', 'function-runner.worker': 'w', 'function-runner.task': 't', 'function-runner.attempt': '3', 'function-runner.pipeline': 'p:1.0', 'function-runner.lease': 'l',
  });
});

it('says of a serving container where it works, and names no task: it outlives the one that it was started for', () => {
  expect(containerLabels({ ...OWNER, serving: { projectName: 'My Film', folderName: 'serving-1' } })).toEqual({
    'function-runner.install': 'i', 'function-runner.worker': 'w', 'function-runner.pipeline': 'p:1.0', 'function-runner.lease': 'l', 'function-runner.serving': 'My Film/serving-1',
  });
});

it.each<[string | undefined, ReturnType<typeof servingPlace>]>([
  ['My Film/serving-1', { projectName: 'My Film', folderName: 'serving-1' }],
  ['/serving-1', { projectName: undefined, folderName: 'serving-1' }],
  ['serving-1', undefined],
  [undefined, undefined],
])('the label %j of a serving container says where it works', (label, place) => {
  expect(servingPlace(label)).toEqual(place);
  if (place !== undefined) expect(containerLabels({ ...OWNER, serving: place })['function-runner.serving']).toBe(label);
});
