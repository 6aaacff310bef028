using Bam.Evaluation.Tasks.Running;
using Shouldly;
using Xunit;

namespace Bam.Tests.Evaluation.Tasks;

public sealed class ProgramSandboxTests : IDisposable
{
    private ProgramSandbox? sandbox;

    public void Dispose() => sandbox?.Dispose();

    [SkippableTheory]
    [InlineData("def add(a, b): return a + b\nassert add(2, 3) == 5")]
    [InlineData("import math, json, re, collections, heapq\nprint('x' * 10_000_000)")]
    [InlineData("open('/tmp/file', 'w').write('a')\nassert open('/tmp/file').read() == 'a'")]
    [InlineData("assert __name__ != '__main__'")]
    public void A_right_program_passes(string program) => Run(program).ShouldBeNull();

    [SkippableTheory]
    [InlineData("assert 1 == 2, 'no'", "AssertionError: no")]
    [InlineData("def f(:", "SyntaxError: ")]
    [InlineData("raise SystemExit(0)", "SystemExit: 0")]
    [InlineData("import os\nos._exit(0)", "ended without a result (exit status 0)")]
    [InlineData("import sys\nsys.stdout.write('passed')\nassert False", "AssertionError")]
    [InlineData("def f(): f()\nf()", "RecursionError")]
    public void A_wrong_program_says_why(string program, string expected) => Run(program)!.ShouldStartWith(expected);

    [SkippableTheory]
    [InlineData("while True: pass")]
    [InlineData("import time\ntime.sleep(1000)")]
    [InlineData(
        "import signal\nfor s in range(1, 32):\n  try: signal.signal(s, signal.SIG_IGN)\n  except OSError: pass\n"
        + "while True: pass")]
    public void A_program_that_does_not_end_is_ended(string program) => Run(program).ShouldNotBeNull();

    [SkippableFact]
    public void Processes_are_limited_and_none_is_left()
    {
        const string mark = "31.4159265";

        Run($"import os\nfor i in range(1000):\n  if os.fork() == 0:\n    import time\n    time.sleep({mark})\n")!
            .ShouldContain("BlockingIOError");

        Directory.GetDirectories("/proc").Where(IsSleeping).ShouldBeEmpty();

        static bool IsSleeping(string process)
        {
            try
            {
                return File.ReadAllText(Path.Combine(process, "cmdline")).Contains("run_program", StringComparison.Ordinal)
                    && File.ReadAllText(Path.Combine(process, "cmdline")).Contains("sandbox", StringComparison.Ordinal);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return false;
            }
        }
    }

    [SkippableFact]
    public void Memory_is_limited() => Run("x = bytearray(3_000_000_000)")!.ShouldStartWith("MemoryError");

    [SkippableTheory]
    [InlineData("open('/tmp/x', 'wb').write(b'x' * 30_000_000)")]  // a file's limit
    [InlineData("for i in range(8): open(f'/tmp/{i}', 'wb').write(b'x' * 15_000_000)")]  // the file system's
    public void Files_are_limited(string program) => Run(program)!.ShouldStartWith("OSError");

    [SkippableTheory]
    [InlineData("open('/etc/passwd').read()", "FileNotFoundError")]
    [InlineData("open('/usr/bin/x', 'w')", "OSError: [Errno 30]")]
    [InlineData("import os\nos.listdir('/home')", "FileNotFoundError")]
    [InlineData("import os\nassert os.listdir('/proc') == []", "FileNotFoundError")]
    [InlineData("import os\nos.chroot('/tmp')", "PermissionError")]
    [InlineData("import ctypes\nassert ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, 0) == 0", "AssertionError")]
    public void Files_outside_cannot_be_reached(string program, string expected) => Run(program)!.ShouldStartWith(expected);

    [SkippableTheory]
    [InlineData("import socket\nsocket.create_connection(('1.1.1.1', 80), timeout=2)")]
    [InlineData("import socket\nsocket.create_connection(('127.0.0.1', 22), timeout=2)")]
    [InlineData("import socket\nsocket.getaddrinfo('example.org', 80)")]
    public void There_is_no_network(string program) => Run(program).ShouldNotBeNull();

    [SkippableFact]
    public void It_does_not_run_as_root()
    {
        Skip.IfNot(Environment.IsPrivilegedProcess, "not run by root");

        Run("import os\nassert os.getuid() == 65534 and os.getgid() == 65534 and os.getgroups() == []").ShouldBeNull();
    }

    [SkippableFact]
    public void The_environment_is_not_seen()
    {
        Environment.SetEnvironmentVariable("BAM_TEST_SECRET", "secret");

        Run("import os\nassert 'BAM_TEST_SECRET' not in os.environ").ShouldBeNull();
    }

    [SkippableFact]
    public void Cancellation_ends_a_program()
    {
        using var cancelled = new CancellationTokenSource(TimeSpan.FromMilliseconds(500));
        Open();

        Should.Throw<OperationCanceledException>(() => sandbox!.Run("import time\ntime.sleep(1000)", cancelled.Token));
    }

    private string? Run(string program)
    {
        Open();
        return sandbox!.Run(program, CancellationToken.None);
    }

    private void Open()
    {
        try
        {
            sandbox ??= ProgramSandbox.Open(CancellationToken.None);
        }
        catch (InvalidInputException e)
        {
            Skip.If(true, e.Message);
        }
    }
}
