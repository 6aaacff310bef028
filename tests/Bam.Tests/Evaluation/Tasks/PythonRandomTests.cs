using Bam.Evaluation.Tasks.Prompting;
using Shouldly;
using Xunit;

namespace Bam.Tests.Evaluation.Tasks;

/// <summary>The expected numbers are Python 3.11's, of <c>random.Random(1234)</c>.</summary>
public class PythonRandomTests
{
    [Fact]
    public void Numbers_are_those_of_python()
    {
        var random = new PythonRandom(1234);

        new[] { random.NextUInt32(), random.NextUInt32(), random.NextUInt32() }
            .ShouldBe([4150886329, 3342196574, 1892932127]);
    }

    [Theory]
    [InlineData(10, new[] { 7, 1, 0, 9 })]  // drawn from a list
    [InlineData(7473, new[] { 6374, 3610, 957, 61, 742 })]  // drawn with memory
    public void Samples_are_those_of_python(int population, int[] expected) =>
        new PythonRandom(1234).Sample(population, expected.Length).ShouldBe(expected);

    [Fact]
    public void A_second_sample_goes_on_where_the_first_ended()
    {
        var random = new PythonRandom(1234);

        random.Sample(100, 5).ShouldBe([99, 56, 14, 0, 11]);
        random.Sample(100, 5).ShouldBe([74, 4, 85, 88, 10]);
    }

    [Fact]
    public void Larger_samples_change_from_list_to_memory_where_python_does()
    {
        var random = new PythonRandom(1234);

        random.Sample(10, 4).ShouldBe([7, 1, 0, 9]);
        random.Sample(22, 5).ShouldBe([18, 1, 21, 2, 3]);
        random.Sample(1000, 6).ShouldBe([784, 363, 242, 17, 31, 807]);
    }
}
