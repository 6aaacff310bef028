using Bam.Training.Distributed;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training.Distributed;

public sealed class RankLogTests
{
    [Fact]
    public void Lines_wait_for_the_file_and_are_appended_to_it()
    {
        using var directory = new TemporaryDirectory();
        var path = directory["ranks/rank-1.log"];
        using (var log = new RankLog())
        {
            log.Say("first");
            log.Warn("twice");
            log.Warn("twice");
            File.Exists(path).ShouldBeFalse();
            log.Open(path);
            log.Say("second");
            File.ReadAllText(path).ShouldBe("first\nwarning: twice\nsecond\n");
        }

        using var next = new RankLog();
        next.Open(path);
        next.Say("third");
        File.ReadAllLines(path)[^1].ShouldBe("third");
    }
}
