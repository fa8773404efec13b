import { defineConfig } from 'vite';

// The demo page. Nothing is inlined, so that it runs under `script-src 'self'; style-src 'self'`.
export default defineConfig({
  root: 'demo',
  esbuild: { jsx: 'automatic', legalComments: 'none' },
  build: {
    outDir: '../dist/demo',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2021',
  },
  // `npm run dev` beside a running `atriumd --dev`.
  server: {
    proxy: {
      '/ws': { target: 'ws://127.0.0.1:8080', ws: true },
      '/api': 'http://127.0.0.1:8080',
    },
  },
});
