// Loaded before a tool by bench/memory.ts: reports the tool's peak memory, processor time and wall time.
import { appendFileSync } from 'node:fs';

process.on('exit', () => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  const cpuSeconds = (userCPUTime + systemCPUTime) / 1e6;
  appendFileSync(process.env.BENCH_REPORT, `${maxRSS / 1024} ${cpuSeconds} ${performance.now() / 1000}\n`);
});
