using System.Diagnostics;
using System.Globalization;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests;

public class TerminationSignalsTests
{
    [SkippableTheory]
    [InlineData("INT")]
    [InlineData("TERM")]
    [InlineData("HUP")]
    public void The_first_signal_asks_the_work_to_stop(string signal)
    {
        IgnoredSignals.Skip(signal);
        using var signals = new TerminationSignals();
        using var kill = Process.Start("kill", [$"-{signal}", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)]);
        signals.Token.WaitHandle.WaitOne(TimeSpan.FromSeconds(30)).ShouldBeTrue();
    }
}
