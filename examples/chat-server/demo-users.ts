import type { User } from "./identity.js";

// Two users without passwords, for trying the service out. In production oidc.ts takes their place.

export const demoUsers: readonly User[] = [
  { id: "ada", name: "Ada Lovelace" },
  { id: "bob", name: "Bob Kahn" },
];
