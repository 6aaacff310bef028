using System.Diagnostics;
using System.Globalization;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests;

public class TerminationSignalsTests
{
    [SkippableTheory]
    [InlineData("INT", 2)]
    [InlineData("TERM", 15)]
    [InlineData("HUP", 1)]
    public void The_first_signal_asks_the_work_to_stop(string signal, int number)
    {
        Skip.If(IsIgnored(number), $"whoever started the tests has SIG{signal} ignored, as a shell does for its background jobs");
        using var signals = new TerminationSignals();
        using var kill = Process.Start("kill", [$"-{signal}", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)]);
        signals.Token.WaitHandle.WaitOne(TimeSpan.FromSeconds(30)).ShouldBeTrue();
    }

    // SigIgn is a mask in hexadecimal digits; signal n is bit n - 1. .NET leaves a signal ignored that was so when the process started.
    private static bool IsIgnored(int signal)
    {
        var mask = File.ReadLines("/proc/self/status").First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal))[7..].Trim();
        return (ulong.Parse(mask, NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> (signal - 1) & 1) == 1;
    }
}
