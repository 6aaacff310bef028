namespace Bam.Fuzz.Kinds;

/// <summary>Every kind of input. What computes or trains has a smaller share.</summary>
internal static class AllKinds
{
    public static IReadOnlyList<Kind> List { get; } =
    [
        new("config", 20, ModelKinds.Config),
        new("safetensors-header", 20, ModelKinds.SafetensorsHeader),
        new("safetensors-data", 10, ModelKinds.SafetensorsData),
        new("shard-index", 15, ModelKinds.ShardIndex),
        new("model-companions", 4, ModelKinds.Companions),
        new("adapters", 12, ModelKinds.Adapters),
        new("tokenizer", 15, TextKinds.TokenizerText),
        new("token-ids", 10, TextKinds.TokenIds),
        new("indexed-data", 15, TextKinds.IndexedData),
        new("data-report", 15, TextKinds.DataReport),
        new("measured-data", 4, TextKinds.MeasuredData),
        new("json-lines", 8, TextKinds.JsonLines),
        new("conversations", 8, TextKinds.Conversations),
        new("chat-template", 8, TextKinds.ChatTemplate),
        new("gzip", 8, TextKinds.Gzip),
        new("zstd", 8, TextKinds.Zstd),
        new("parquet", 8, TextKinds.Parquet),
        new("text", 8, TextKinds.Text),
        new("tokenizer-training", 6, TextKinds.TokenizerTraining),
        new("training-yaml", 8, RunKinds.TrainingYaml),
        new("recipe-yaml", 10, RunKinds.RecipeYaml),
        new("run-state", 3, (workspace, dice) =>
            RunKinds.Resumed(workspace, dice, "trainer_state.json", "config.json", "optimizer.safetensors", "model.safetensors")),
        new("run-identity", 3, (workspace, dice) => RunKinds.Resumed(workspace, dice, "identity.json", "config.resolved.yaml")),
        new("run-metrics", 3, (workspace, dice) => RunKinds.Resumed(workspace, dice, "metrics.jsonl")),
        new("results", 12, (workspace, dice) => RunKinds.Reported(workspace, dice, "results.json")),
        new("reported-metrics", 10, (workspace, dice) => RunKinds.Reported(workspace, dice, "metrics.jsonl")),
        new("phases", 8, RunKinds.Phases),
        new("mixtures", 6, ModelKinds.Mixtures),
        new("exports", 6, ModelKinds.Exports),
        new("forward-inputs", 6, ModelKinds.ForwardInputs),
        new("mixture-record", 8, ModelKinds.MixtureRecord),
        new("command-lines", 10, CommandLines.Make),
    ];
}
