/**
 * Returns what is wrong with the address of one Redis, as advice; `undefined` if nothing is. ioredis takes other texts too: it
 * connects to localhost if there is no host, and to database 0 if the database is not a number.
 */
export function faultOfUrl(text: string): string | undefined {
  const url = /^rediss?:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === "") {
    return 'use "redis://host:6379", or "rediss://host:6379" for TLS';
  }
  if (!/^\/?\d*$/.test(url.pathname)) return 'a database is a number, as in "redis://host:6379/1"';
  const isEncoded = [url.username, url.password].every(canDecode);
  return isEncoded ? undefined : "percent-encode the user and the password; % itself is %25";
}

function canDecode(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
