#!/usr/bin/env node
// Committed so that pnpm can link the command before the first build.
await import('../dist/main.js');
