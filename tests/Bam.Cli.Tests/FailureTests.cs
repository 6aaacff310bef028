using Bam.Torch.Distributed;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests;

public class FailureTests
{
    public static TheoryData<Exception, int, string> Expected => new()
    {
        {
            new InvalidInputException("a.yaml: phases", "a list", "a number", "write a list"),
            2,
            "bam: a.yaml: phases: expected a list, found a number; write a list\n"
        },
        { new WorkFailedException("disk full"), 1, "bam: disk full\n" },
        {
            new ProcessGroupException("world", 0, "barrier", "rank 1 does not respond (reset)"),
            1,
            "bam: process group 'world': barrier failed on rank 0: rank 1 does not respond (reset)\n"
        },
        { new IOException("two\nlines"), 1, "bam: two lines\n" },
        {
            new InvalidInputException("\u001b[2Ja.yaml: key '\u202Ek' is unknown"),
            2,
            "bam: \\u001b[2Ja.yaml: key '\\u202ek' is unknown\n"
        },
        {
            new IOException("No space left on device : '/runs/.a.json.host.12.3.tmp'"),
            1,
            "bam: No space left on device : '/runs/a.json'\n"
        },
    };

    [Theory, MemberData(nameof(Expected))]
    public void An_expected_failure_is_one_line(Exception failure, int status, string line)
    {
        var (actualStatus, error) = Report(failure, CancellationToken.None);
        actualStatus.ShouldBe(status);
        error.ShouldBe(line);
    }

    [Fact]
    public void Cancelled_work_ends_with_130()
    {
        var (status, error) = Report(new OperationCanceledException(), new CancellationToken(canceled: true));
        status.ShouldBe(130);
        error.ShouldBe("bam: interrupted\n");
    }

    [Fact]
    public void A_fault_of_Bam_names_its_type_and_where_the_trace_is()
    {
        var (status, error) = Report(new InvalidOperationException("boom"), CancellationToken.None);
        status.ShouldBe(1);
        error.ShouldStartWith("bam: InvalidOperationException: boom (this is a fault in Bam; the trace is in ");
        error.Count(c => c == '\n').ShouldBe(1);
        var path = error[(error.IndexOf("trace is in ", StringComparison.Ordinal) + "trace is in ".Length)..].TrimEnd(')', '\n');
        File.ReadAllText(path).ShouldContain("System.InvalidOperationException: boom");
        File.Delete(path);
    }

    private static (int Status, string Error) Report(Exception failure, CancellationToken cancellation)
    {
        using var error = new StringWriter();
        using var reporter = new Reporter(error);
        return (Failure.Report(failure, reporter, cancellation), error.ToString());
    }
}
