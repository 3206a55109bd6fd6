import { vi } from "vitest";

// One worker runs many test files. Packages are loaded once; modules of this repository anew for each file, because some
// hold clients that a test file closes, and some clean up after the file that imports them.
vi.resetModules();
