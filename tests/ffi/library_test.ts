import assert from "node:assert/strict";
import { FfiError, LibraryError } from "../../ffi/errors.ts";
import { lazyLibrary, openLibrary } from "../../ffi/library.ts";

const symbols = { getpid: { parameters: [], result: "i32" } } as const;
const libc = Deno.build.os === "darwin" ? "libSystem.B.dylib" : "libc.so.6";
const noLibc = Deno.build.os === "windows";

Deno.test({ name: "the first candidate that opens is used", ignore: noLibc }, () => {
  const library = openLibrary({ name: "c", candidates: ["libnowhere.so.9", libc] }, symbols);
  assert.equal(library.origin, libc);
  assert.equal(library.symbols.getpid(), Deno.pid);
});

Deno.test("a failure lists everything that was tried", () => {
  const location = {
    name: "libnowhere",
    override: "XOQ_TEST_NOWHERE",
    candidates: ["libnowhere.so.9", "libnowhere.so.8"],
  };
  assert.throws(() => openLibrary(location, symbols), (error) => {
    assert(error instanceof LibraryError && error instanceof FfiError);
    assert.deepEqual(error.attempts.map((a) => a.candidate), [
      "libnowhere.so.9",
      "libnowhere.so.8",
    ]);
    assert.match(error.message, /libnowhere\.so\.9.*libnowhere\.so\.8.*XOQ_TEST_NOWHERE/);
    return true;
  });
});

Deno.test({ name: "the environment's override is the only candidate", ignore: noLibc }, () => {
  Deno.env.set("XOQ_TEST_LIBRARY", "/nonexistent/libc.so");
  try {
    const location = { name: "c", override: "XOQ_TEST_LIBRARY", candidates: [libc] };
    assert.throws(() => openLibrary(location, symbols), /\/nonexistent\/libc\.so/);
  } finally {
    Deno.env.delete("XOQ_TEST_LIBRARY");
  }
});

Deno.test("nothing is opened or searched before the first call, and a failure is kept", () => {
  let asked = 0;
  const library = lazyLibrary({
    name: "lazy",
    candidates: () => {
      asked++;
      return ["libnowhere.so.9"];
    },
  }, symbols);
  assert.equal(asked, 0);
  assert.throws(library, LibraryError);
  assert.throws(library, LibraryError);
  assert.equal(asked, 1);
});
