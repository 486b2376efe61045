import { containerLabels } from './container-labels.js';

it('says whose container it is, under names that other tools may look for', () => {
  expect(containerLabels({ installId: 'i', workerId: 'w', taskId: 't', attempt: 3, pipelineId: 'p:1.0' })).toEqual({
    'function-runner.install': 'i', 'function-runner.worker': 'w', 'function-runner.task': 't', 'function-runner.attempt': '3', 'function-runner.pipeline': 'p:1.0',
  });
});
