import { relative, sep } from 'node:path';

/** Words that say nothing of what a file holds; everything ends up in such a place sooner or later. */
const VAGUE = /^(?:.+-)?(?:utils?|helpers?|common|shared|misc)$/;
const KEBAB_CASE = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)+$/;

/**
 * ESLint rule: a file is named in kebab-case with kind suffixes, and neither it nor a folder above it is called utils,
 * common, shared or helpers.
 * @type {import('eslint').Rule.RuleModule}
 */
export const plainNames = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      vague: '"{{name}}" says nothing of what lies there; name it after what it does (no utils, common, shared, helpers)',
      kebab: '"{{name}}" is not in kebab-case with kind suffixes, such as task-run.service.ts',
    },
  },
  create: (context) => ({
    Program(node) {
      const segments = relative(context.cwd, context.filename).split(sep).filter((segment) => segment !== '..');
      const file = segments.at(-1) ?? '';
      // The words of a file's name are its dotted parts less the extension: `string.utils.ts` is as vague as `utils/string.ts`.
      const words = [...segments.slice(0, -1), ...file.split('.').slice(0, -1)];
      const vague = words.find((word) => VAGUE.test(word));
      if (vague !== undefined) context.report({ node, messageId: 'vague', data: { name: vague } });
      if (!KEBAB_CASE.test(file)) context.report({ node, messageId: 'kebab', data: { name: file } });
    },
  }),
};
