using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
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
        using var signals = new TerminationSignals(TextWriter.Null);
        using var kill = Process.Start("kill", [$"-{signal}", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)]);
        signals.Token.WaitHandle.WaitOne(TimeSpan.FromSeconds(30)).ShouldBeTrue();
    }

    [Fact]
    public void A_terminal_that_is_gone_does_not_keep_the_work_from_saving()
    {
        using var signals = new TerminationSignals(new ClosedWriter());
        signals.Handle(new PosixSignalContext(PosixSignal.SIGHUP));
        signals.Token.IsCancellationRequested.ShouldBeTrue();
    }
}
