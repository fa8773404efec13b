// The examples of the README, as they stand there.
import { readFileSync } from 'node:fs';
import { root } from '../interop/daemon.mjs';

/** The code blocks of that language in a section, without the indentation that they have in a list. */
export function blocks(section, language) {
  const readme = readFileSync(`${root}README.md`, 'utf8');
  const [, text] = readme.split(new RegExp(`^## ${section}$`, 'm'));
  const found = text.split(/^## /m)[0].matchAll(new RegExp(`^( *)\`\`\`${language}\\n([^]*?)\\n\\1\`\`\`$`, 'gm'));
  return [...found].map(([, indent, code]) => code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
}

/** The one block in which that text stands. */
export function block(section, language, text) {
  const found = blocks(section, language).filter((code) => code.includes(text));
  if (found.length !== 1) {
    throw new Error(`${found.length} ${language} blocks of "${section}" have "${text}"`);
  }
  return found[0];
}
