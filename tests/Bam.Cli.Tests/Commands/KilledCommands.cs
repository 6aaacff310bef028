using System.Globalization;

namespace Bam.Cli.Tests.Commands;

/// <summary>Text, models and a recipe, and the commands that write something of them.</summary>
public sealed class KilledCommands : IDisposable
{
    private const string Recipe = """
        domains: { general: { files: [general.txt] }, law: { files: [law.txt] } }
        model: { hidden_size: 8, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 }
        training: { device: cpu, checkpoint_every: 1, evaluate_every: 2 }
        seed: { steps: 4, learning_rate: 2e-3 }
        experts: { law: { steps: 4 } }
        mixtures: { btx: { method: btx, steps: 4 }, soup: { method: soup } }
        """;

    // Weights of 20 MB in Llama's form: writing them takes long enough to be killed meanwhile.
    private const string Training = """
        config: {vocab_size: 400, hidden_size: 256, intermediate_size: 1024, num_hidden_layers: 4, num_attention_heads: 4,
          num_key_value_heads: 4, head_dim: 64, max_position_embeddings: 64, parallel_block: false, norm_type: rms_norm}
        data: [{domain: text, path: shards}]
        tokenizer: tok.json
        output: run
        sequence_length: 16
        batch_size: 1
        steps: 1
        learning_rate: 1e-3
        device: cpu
        """;

    private readonly string root = Directory.CreateTempSubdirectory("bam-kills-").FullName;

    public KilledCommands()
    {
        Directory.CreateDirectory(this["text"]);
        for (var i = 0; i < 200; i++)
        {
            var numbers = Enumerable.Range(i * 1000, 400).Select(n => (n * 7919L).ToString(CultureInfo.InvariantCulture));
            File.WriteAllText(this[$"text/{i}.txt"], string.Join(' ', numbers));
        }

        File.WriteAllText(this["recipe.yaml"], Recipe);
        File.WriteAllText(this["train.yaml"], Training);
        Do("tokenizer", "train", this["text"], "--vocab-size", "400", "--output", this["tok.json"]);
        Do("data", "build", "--input", this["text"], "--tokenizer", this["tok.json"], "--output", this["shards"]);
        Do("train", this["train.yaml"]);
        Directory.CreateDirectory(this["copy"]);
        foreach (var file in Directory.GetFiles(this["run/model"])) File.Copy(file, this[$"copy/{Path.GetFileName(file)}"]);
        Do(
            "mix", "btx", "--seed", this["run/model"], "--expert", this["copy"], "--top-k", "2", "--norm-topk", "--output",
            this["mixture"]);
    }

    /// <summary>The commands by name.</summary>
    public static IReadOnlyList<string> Names { get; } =
        ["tokenizer train", "data build", "mix", "export hf", "export llama", "export mixtral", "export gguf", "run"];

    public string this[string relative] => Path.Combine(root, relative);

    /// <summary>The arguments that make <paramref name="output"/>.</summary>
    public string[] Arguments(string name, string output) => name.Split(' ') switch
    {
        ["tokenizer", ..] => ["tokenizer", "train", this["text"], "--vocab-size", "400", "--output", output],
        ["data", ..] => ["data", "build", "--input", this["text"], "--tokenizer", this["tok.json"], "--output", output],
        ["mix"] => ["mix", "bam", "--seed", this["run/model"], "--expert", this["copy"], "--output", output],
        ["export", var format] =>
            ["export", format == "mixtral" ? this["mixture"] : this["run/model"], "--format", format, "--output", output],
        _ => ["run", this["recipe.yaml"], "--smoke", "--output", output],
    };

    public void Dispose() => Directory.Delete(root, recursive: true);

    private static void Do(params string[] arguments) => CommandLineRun.Of(arguments).ShouldBeDone();
}
