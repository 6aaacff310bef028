using Bam.Exporting;
using Bam.Tests.Checkpoints.Adapters;
using Bam.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training;

/// <summary>Training that starts from a checkpoint and its adapter.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class AdapterTrainingTests : IDisposable
{
    private readonly TinyRun run = new();

    public void Dispose() => run.Dispose();

    [Fact]
    public void A_run_from_base_and_adapter_is_the_run_from_the_merged_checkpoint()
    {
        var seed = Trainer.Run(run.Config("seed", model: TinyRun.Dense)).Model;
        new AdapterSource().AddLinear("model.layers.0.self_attn.q_proj", 32, 32).AddLinear("model.layers.1.mlp.up_proj", 48, 32)
            .Write(run["adapter"]);
        File.WriteAllText(Path.Combine(seed, "tokenizer_config.json"), "{}");
        var both = $"{seed}+{run["adapter"]}";
        Exporter.Export(both, new MergedFormat(), new ExportOptions(), run["merged"], SilentReporter.Instance);

        var fromMerged = Trainer.Run(From(run["merged"], "from-merged")).Model;
        var fromBoth = Trainer.Run(From(both, "from-both")).Model;
        File.ReadAllBytes(Path.Combine(fromBoth, "model.safetensors"))
            .ShouldBe(File.ReadAllBytes(Path.Combine(fromMerged, "model.safetensors")));
        TinyRun.Parameters(fromBoth)["model.norm.weight"].ShouldNotBe(TinyRun.Parameters(seed)["model.norm.weight"]);
        File.ReadAllText(Path.Combine(fromBoth, "tokenizer_config.json")).ShouldBe("{}");
        File.ReadAllText(run["from-both/config.resolved.yaml"]).ShouldContain(both);

        Should.Throw<InvalidInputException>(() => Trainer.Run(From(both, both))).Message
            .ShouldContain("which would then be meant instead of this model");

        File.WriteAllText(run["adapter/adapter_config.json"], new AdapterSource().With("lora_alpha", 9).Config.ToJsonString());
        Should.Throw<InvalidInputException>(() => Trainer.Run(From(both, "from-both"))).Message
            .ShouldContain("holds a run with another starting model");
    }

    private TrainingConfig From(string model, string output) => run.Config(output) with { Config = null, Model = model };
}
