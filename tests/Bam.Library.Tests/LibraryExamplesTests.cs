using Shouldly;
using Xunit;

namespace Bam.Tests;

/// <summary>The examples of docs/library.md, compiled against the public surface alone, run.</summary>
[Collection(TinySeed.Collection)]
public sealed class LibraryExamplesTests : IDisposable
{
    private readonly string before = Directory.GetCurrentDirectory();
    private readonly string directory = Directory.CreateTempSubdirectory("bam-library-").FullName;

    public LibraryExamplesTests()
    {
        Directory.SetCurrentDirectory(directory);
        TinySeed.Write(directory);
    }

    public void Dispose()
    {
        Directory.SetCurrentDirectory(before);
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public void The_examples_run_one_after_the_other()
    {
        Examples.Build();
        Examples.TrainExperts().ShouldBe(2 * 4096);
        Examples.Mix().ShouldBe(3);
        var perplexity = Examples.Evaluate();
        perplexity.Keys.ShouldBe(["law", "code"]);
        // Far below the 1,200 of a model that knows nothing.
        perplexity.Values.ShouldAllBe(value => value > 1 && value < 1100);

        Examples.Generate().ShouldBe(Examples.Generate());
        var score = Examples.Score();
        score.Perplexity.ShouldBeGreaterThan(1);
        score.BitsPerByte.ShouldNotBeNull().ShouldBeGreaterThan(0);
        Examples.Tokenize().ShouldBe("The court held that");
        var embedding = Examples.Open();
        embedding.Length.ShouldBe(1200 * 32);
        embedding.ShouldAllBe(value => float.IsFinite(value));
        Examples.Errors().ShouldStartWith("models/no-such-model");
        Examples.Report(CancellationToken.None);
        Directory.Exists("models/btx").ShouldBeTrue();
        Should.Throw<OperationCanceledException>(() => Examples.Report(new CancellationToken(canceled: true)));
    }
}
