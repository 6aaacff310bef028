using Bam.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests;

/// <summary>The examples of docs/library.md, compiled against the public surface alone, run.</summary>
public sealed class LibraryExamplesTests : IDisposable
{
    private readonly string before = Directory.GetCurrentDirectory();
    private readonly string directory = Directory.CreateTempSubdirectory("bam-library-").FullName;

    public LibraryExamplesTests()
    {
        Directory.SetCurrentDirectory(directory);
        WriteText();
        TrainSeed();
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

    private static void WriteText()
    {
        Directory.CreateDirectory("text");
        (string Name, string[] Words)[] domains =
        [
            ("law", ["whereas ", "party ", "shall ", "court ", "herein ", "clause ", "thereof ", "liable "]),
            ("code", ["if (", "x ", "== ", "y) ", "return ", "0; ", "while (", "i++; "]),
        ];
        foreach (var (name, words) in domains)
        {
            File.WriteAllLines(
                $"text/{name}.jsonl", Enumerable.Range(0, 40).Select(document => $$"""{"text": "{{Text(words, document)}}"}"""));
        }
    }

    private static string Text(string[] words, int document) => string.Concat(
        Enumerable.Range(0, 200).Select(i => words[((i * (1 + (document % 5))) + (i * i / 7) + document) % words.Length]));

    // A seed of random parameters, with a tokenizer: a run of one step.
    private static void TrainSeed()
    {
        var tokenizer = Clone.PathOf("tests/fixtures/tokenizers/gpt2");
        Library.TokenData.Build(["text/law.jsonl"], tokenizer, "data/seed");
        File.WriteAllText(
            "seed.yaml",
            $$"""
            config: { vocab_size: 1200, hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2,
                      num_attention_heads: 2, num_key_value_heads: 2, head_dim: 16, max_position_embeddings: 256 }
            tokenizer: {{tokenizer}}
            data: [{ domain: seed, path: data/seed }]
            output: runs/seed
            steps: 1
            learning_rate: 1e-3
            sequence_length: 32
            """);
        var seed = Trainer.Run(TrainingConfig.Load("seed.yaml"));
        Directory.CreateDirectory("models");
        Directory.Move(seed.Model, "models/seed");
    }
}
