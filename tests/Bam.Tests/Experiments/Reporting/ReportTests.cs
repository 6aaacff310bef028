using Bam.Experiments.Reporting;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Reporting;

public sealed class ReportTests
{
    [Fact]
    public void Draw()
    {
        Directory.CreateDirectory("/tmp/r/run");
        SyntheticRun.Write("/tmp/r/run");
        Report.Write("/tmp/r/run").ShouldBe("/tmp/r/run/report.html");
    }
}
