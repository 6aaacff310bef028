using Bam.Experiments;
using Bam.Experiments.Findings;
using Bam.Experiments.Phases;
using Bam.Experiments.Studies;

namespace Bam.Tests.Experiments;

/// <summary>A directory with toy text and a recipe of every kind of phase.</summary>
public sealed class ToyRecipe : IDisposable
{
    /// <summary>The recipe.</summary>
    public const string Yaml = """
        domains:
          general: { files: [general.txt], section_separator: "----" }
          law: { files: [law.txt], section_separator: "----" }
          code: { files: [code.txt], section_separator: "----" }
        tokenizer: { vocab_size: 300 }
        data: { held_out_fraction: 0.1, near_duplicate_similarity: 1, contamination_share: 1 }
        model: { hidden_size: 32, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 2 }
        training: { batch_size: 8, sequence_length: 32, warmup_steps: 2, device: cpu, checkpoint_every: 5 }
        seed: { steps: 30, learning_rate: 1e-2, shares: { general: 2, law: 1, code: 1 } }
        experts:
          law: { steps: 30 }
          code: { steps: 30 }
        mixtures:
          soup: { method: soup }
          btx: { method: btx, steps: 20 }
          bam: { method: bam, share_key_value: true, match: { mixture: btx, by: flops } }
        """;

    /// <summary>Writes the text.</summary>
    public ToyRecipe() => ToyDomains.Write(Directory);

    /// <summary>Where text, recipes and runs are.</summary>
    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("bam-recipe-").FullName;

    /// <summary>A file or directory inside.</summary>
    public string Path(params string[] parts) => System.IO.Path.Combine([Directory, .. parts]);

    /// <summary>The directory of a phase that has been begun once.</summary>
    public string Phase(string run, string phase) =>
        System.IO.Directory.GetDirectories(Path(run, "phases"), $"{phase}-????????????").Single();

    /// <summary>Writes the recipe and opens it.</summary>
    internal ExperimentRun Open(string yaml, string run)
    {
        File.WriteAllText(Path("recipe.yaml"), yaml);
        return ExperimentRun.Open(Path("recipe.yaml"), Path(run));
    }

    /// <summary>Writes the recipe and tells what a run would do.</summary>
    internal IReadOnlyList<PlannedPhase> Plan(string yaml, string run) => Open(yaml, run).Plan(null).Single().Phases;

    /// <summary>Writes the recipe and runs it.</summary>
    internal Results Run(string yaml, string run, IReporter? reporter = null, CancellationToken cancellation = default) =>
        RunStudy(yaml, run, reporter, cancellation).Units[0];

    /// <summary>Writes the recipe and runs it.</summary>
    internal Study RunStudy(string yaml, string run, IReporter? reporter = null, CancellationToken cancellation = default) =>
        Open(yaml, run).Run(null, reporter ?? SilentReporter.Instance, cancellation)[0];

    /// <inheritdoc/>
    public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);
}
