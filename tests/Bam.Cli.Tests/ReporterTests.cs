using Shouldly;
using Xunit;

namespace Bam.Cli.Tests;

public sealed class ReporterTests : IDisposable
{
    private readonly StringWriter error = new();
    private TimeSpan now;

    public void Dispose() => error.Dispose();

    [Fact]
    public void In_a_pipe_progress_is_plain_lines_at_a_bounded_rate()
    {
        using var reporter = Create(isLive: false);
        for (var tokens = 0; tokens <= 60_000; tokens += 100)
        {
            reporter.Advance(new WorkProgress("train btx", tokens, 60_000, "tokens", "loss 3.214"));
            now += TimeSpan.FromSeconds(0.1);
        }

        var lines = error.ToString().TrimEnd('\n').Split('\n');
        lines.Length.ShouldBeInRange(11, 14);
        lines[0].ShouldBe("train btx    0 %  0 of 60,000 tokens  loss 3.214");
        lines[1].ShouldBe("train btx    8 %  5,000 of 60,000 tokens  1,000 tokens/s  loss 3.214  55 s left");
        lines[^1].ShouldBe("train btx  100 %  60,000 of 60,000 tokens  1,000 tokens/s  loss 3.214");
    }

    [Fact]
    public void Resumed_work_counts_its_speed_from_where_it_resumed()
    {
        using var reporter = Create(isLive: false);
        reporter.Advance(new WorkProgress("train", 500_000, 600_000, "tokens"));
        now += TimeSpan.FromSeconds(10);
        reporter.Advance(new WorkProgress("train", 510_000, 600_000, "tokens"));
        error.ToString().ShouldContain("510,000 of 600,000 tokens  1,000 tokens/s  1 min 30 s left");
    }

    [Fact]
    public void A_new_activity_is_shown_at_once()
    {
        using var reporter = Create(isLive: false);
        reporter.Advance(new WorkProgress("tokenize law", 10, 0, "bytes"));
        reporter.Advance(new WorkProgress("tokenize law", 20, 0, "bytes"));
        reporter.Advance(new WorkProgress("tokenize code", 10, 0, "bytes"));
        error.ToString().ShouldBe("tokenize law  10 bytes\ntokenize code  10 bytes\n");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Amounts_that_have_not_changed_are_shown_once(bool isLive)
    {
        using var reporter = Create(isLive);
        for (var call = 0; call < 5; call++)
        {
            reporter.Advance(new WorkProgress("count words", 100, 100, "bytes"));
            now += TimeSpan.FromMinutes(2);
        }

        reporter.Advance(new WorkProgress("merge pairs", 100, 100, "bytes"));
        error.ToString().Split("count words").Length.ShouldBe(2);
        error.ToString().Split("merge pairs").Length.ShouldBe(2);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Where_nothing_can_be_written_it_falls_silent(bool isLive)
    {
        using var closed = new ClosedWriter();
        using var reporter = new Reporter(closed, isLive, () => 80, () => now);
        reporter.Advance(new WorkProgress("train", 10, 100, "tokens"));
        reporter.Warn("words");
        reporter.Advance(new WorkProgress("train", 100, 100, "tokens"));
        closed.Attempts.ShouldBe(1);
    }

    [Fact]
    public void Messages_are_written_as_they_are()
    {
        using var reporter = Create(isLive: false);
        reporter.Say("shape [2, 3]");
        reporter.Warn("[red]");
        reporter.Fail("runs:bug:law: does not exist");
        error.ToString().ShouldBe("shape [2, 3]\nwarning: [red]\nbam: runs:bug:law: does not exist\n");
    }

    [Fact]
    public void On_a_terminal_one_line_is_redrawn_and_kept_lines_stand_above_it()
    {
        using (var reporter = Create(isLive: true))
        {
            reporter.Advance(new WorkProgress("train", 1, 10, "steps"));
            reporter.Advance(new WorkProgress("train", 2, 10, "steps"));
            now += TimeSpan.FromSeconds(0.2);
            reporter.Advance(new WorkProgress("train", 3, 10, "steps"));
            reporter.Say("step 3 saved");
            now += TimeSpan.FromSeconds(0.2);
            reporter.Advance(new WorkProgress("train", 5, 10, "steps"));
        }

        const string erase = "\r\e[2K";
        error.ToString().ShouldBe(
            $"{erase}train   10 %  1 of 10 steps{erase}train   30 %  3 of 10 steps  10.0 steps/s{erase}step 3 saved\n"
            + $"{erase}train   50 %  5 of 10 steps  10.0 steps/s\n");
    }

    [Fact]
    public void A_live_line_never_wraps()
    {
        using var reporter = Create(isLive: true);
        reporter.Advance(new WorkProgress("train", 1, 10, "steps", new string('x', 100)));
        error.ToString().Length.ShouldBe("\r\e[2K".Length + 49);
    }

    private Reporter Create(bool isLive) => new(error, isLive, () => 50, () => now);
}
