using Bam.Evaluation;
using Shouldly;
using Xunit;

namespace Bam.Tests.Evaluation;

public class EvaluationWindowsTests
{
    [Theory]
    [InlineData(1, 4, 2)]
    [InlineData(2, 4, 2)]
    [InlineData(5, 4, 2)]
    [InlineData(6, 4, 2)]
    [InlineData(9, 4, 2)]
    [InlineData(23, 4, 3)]
    [InlineData(23, 100, 3)]
    [InlineData(23, 1, 5)]
    public void Every_token_but_the_first_is_a_target_once(int tokens, int length, int batch)
    {
        var targets = new List<long>();
        foreach (var windows in new EvaluationWindows(tokens, length, batch).Batches())
        {
            windows.Rows.ShouldBeLessThanOrEqualTo(batch);
            for (var row = 0; row < windows.Rows; row++)
            {
                var start = windows.Start + ((long)row * windows.Length);
                (start % length).ShouldBe(0);
                for (var t = 0; t < windows.Length; t++) targets.Add(start + t + 1);
            }
        }

        targets.ShouldBe(Enumerable.Range(1, tokens - 1).Select(i => (long)i));
    }
}
