using Bam.Library;
using Bam.Training;

namespace Bam.Tests;

/// <summary>A model of random parameters with a tokenizer, <c>models/seed</c>, and text of two domains.</summary>
public sealed class TinySeed : IDisposable
{
    /// <summary>Tests that compute run one after the other; some change the current directory.</summary>
    internal const string Collection = "library";

    private readonly string directory = Directory.CreateTempSubdirectory("bam-library-").FullName;

    public TinySeed() => Write(directory);

    /// <summary>A path inside the directory.</summary>
    internal string this[string relative] => Path.Combine(directory, relative);

    public void Dispose() => Directory.Delete(directory, recursive: true);

    internal static void Write(string directory)
    {
        WriteText(Path.Combine(directory, "text"));
        Train(directory);
    }

    private static void WriteText(string directory)
    {
        Directory.CreateDirectory(directory);
        (string Name, string[] Words)[] domains =
        [
            ("law", ["whereas ", "party ", "shall ", "court ", "herein ", "clause ", "thereof ", "liable "]),
            ("code", ["if (", "x ", "== ", "y) ", "return ", "0; ", "while (", "i++; "]),
        ];
        foreach (var (name, words) in domains)
        {
            File.WriteAllLines(
                Path.Combine(directory, $"{name}.jsonl"),
                Enumerable.Range(0, 40).Select(document => $$"""{"text": "{{Text(words, document)}}"}"""));
        }
    }

    private static string Text(string[] words, int document) => string.Concat(
        Enumerable.Range(0, 200).Select(i => words[((i * (1 + (document % 5))) + (i * i / 7) + document) % words.Length]));

    // A run of one step.
    private static void Train(string directory)
    {
        var tokenizer = Clone.PathOf("tests/fixtures/tokenizers/gpt2");
        TokenData.Build([Path.Combine(directory, "text/law.jsonl")], tokenizer, Path.Combine(directory, "data/seed"));
        var yaml = Path.Combine(directory, "seed.yaml");
        File.WriteAllText(
            yaml,
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
        var seed = Trainer.Run(TrainingConfig.Load(yaml));
        Directory.CreateDirectory(Path.Combine(directory, "models"));
        Directory.Move(seed.Model, Path.Combine(directory, "models/seed"));
    }
}
