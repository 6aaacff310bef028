using Bam.Checkpoints.Opening;
using Bam.Configuration;
using Bam.Data;
using Bam.Torch;
using Bam.Training;

namespace Bam.Tests.Training;

/// <summary>
/// A training run that takes milliseconds: two domains of toy sequences and a model of two layers, in a directory of their own.
/// </summary>
internal sealed class TinyRun : IDisposable
{
    public const string Dense =
        "{vocab_size: 32, hidden_size: 32, intermediate_size: 48, num_hidden_layers: 2, num_attention_heads: 2, "
        + "num_key_value_heads: 2, head_dim: 16, max_position_embeddings: 64}";

    public static readonly string Mixture =
        Dense[..^1] + ", num_attention_experts: 2, num_local_experts: 3, num_experts_per_tok: 2}";

    private readonly TemporaryDirectory directory = new();

    public TinyRun()
    {
        LibTorch.Load();
        WriteDomain("count", i => (5 + i) % 13);
        WriteDomain("walk", i => 14 + (i * i) % 17);
    }

    /// <summary>Where it computes.</summary>
    public Device Device { get; init; } = Device.Cpu;

    /// <summary>A path inside the run's directory.</summary>
    public string this[string relative] => directory[relative];

    /// <summary>A configuration of that output; <paramref name="more"/> are further lines of YAML.</summary>
    public TrainingConfig Config(string output, string more = "", string model = "", long steps = 12) =>
        ConfigFile.Parse<TrainingConfig>(Yaml(output, more, model, steps, Device), directory["train.yaml"]);

    public static string Yaml(
        string output, string more = "", string model = "", long steps = 12, Device device = default) => $"""
        config: {(model.Length == 0 ? Mixture : model)}
        init_seed: 3
        output: {output}
        data:
          - domain: count
            path: count
          - domain: walk
            path: walk
            weight: 3
        sequence_length: 16
        batch_size: 4
        steps: {steps}
        learning_rate: 1e-2
        warmup_steps: 2
        log_every: 3
        device: {device}
        {more}
        """;

    /// <summary>The model and the optimizer of a configuration, ready for step 0.</summary>
    public TrainingSession Session(string more = "", string model = "", long steps = 12)
    {
        var setup = RunSetup.Of(Config("unused", more, model, steps), SilentReporter.Instance);
        var session = setup.CreateSession();
        setup.FillParameters(session.Model);
        return session;
    }

    /// <summary>All parameters of a checkpoint, by name.</summary>
    public static Dictionary<string, float[]> Parameters(string checkpointDirectory)
    {
        using var checkpoint = Checkpoint.Open(checkpointDirectory, SilentReporter.Instance);
        return checkpoint.Tensors.Values.ToDictionary(t => t.Name, t =>
        {
            var values = new float[t.Count];
            checkpoint.ReadFloat32(t.Name, values);
            return values;
        });
    }

    public void Dispose() => directory.Dispose();

    private void WriteDomain(string name, Func<int, int> token)
    {
        var random = new RandomStream(1, name);
        using var writer = new IndexedDatasetWriter(directory[Path.Combine(name, "train")], TokenType.UInt16);
        for (var document = 0; document < 20; document++)
        {
            var start = (int)random.NextInt64(100);
            writer.Append([.. Enumerable.Range(start, 50).Select(token), 31]);
        }

        writer.Complete();
    }
}
