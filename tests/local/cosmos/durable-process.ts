import { startCosmos } from '../../../local/cosmos/server.ts';
import { definition } from './target.ts';

/** The stand-in as a process of its own, to be killed: prints its endpoint and key, then serves. */
const cosmos = await startCosmos({ port: 0, dataDir: process.argv[2] ?? '', definition });
process.stdout.write(`${JSON.stringify({ endpoint: cosmos.endpoint, key: cosmos.key })}\n`);
