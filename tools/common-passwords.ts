/**
 * `node tools/common-passwords.ts <passwords.json>`: writes shared/identity/common-passwords-list.ts from a list of passwords, the most
 * common first, such as `src/passwords.json` of the npm package @zxcvbn-ts/language-common.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { projectRoot } from './run-command.ts';

const kept = 8_000;
const lineLength = 110;
const [source = ''] = process.argv.slice(2);

const ranked: unknown = JSON.parse(readFileSync(source, 'utf8'));
if (!Array.isArray(ranked)) throw new TypeError(`${source} is no list`);
const long = ranked.map((password) => String(password).toLowerCase()).filter((password) => [...password].length >= 8);
const passwords = [...new Set(long)].slice(0, kept).sort();
const packed = brotliCompressSync(passwords.join('\n')).toString('base64');
const lines = packed.match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? [];

writeFileSync(
  join(projectRoot, 'shared/identity/common-passwords-list.ts'),
  `/**
 * Written by \`tools/common-passwords.ts\`: the ${passwords.length} most common passwords of 8 characters or more in small letters, one a line, sorted,
 * Brotli, base64. Source: the password list of @zxcvbn-ts/language-common 4.1.3 (MIT, Copyright (c) 2012-2016 Dan Wheeler and Dropbox, Inc.,
 * Copyright (c) 2021 @zxcvbn-ts).
 */
export const commonPasswordsPacked = [
${lines.map((line) => `  '${line}',`).join('\n')}
].join('');
`,
);
console.log(`${passwords.length} passwords, ${packed.length} characters`);
