using Bam.Checkpoints.Safetensors;
using Shouldly;

namespace Bam.Cli.Tests.Cases;

/// <summary>The weights of a model of <c>tests/fixtures/hf</c> under another <c>config.json</c>.</summary>
internal static class FixtureModel
{
    /// <summary>Puts a model's weights into a directory.</summary>
    public static void CopyWeights(string model, string directory) =>
        File.Copy(Path.Combine(DirectoryOf(model), WeightSet.SingleFileName), Path.Combine(directory, WeightSet.SingleFileName));

    /// <summary>A model's directory.</summary>
    public static string DirectoryOf(string model) => RepositoryRoot.PathOf("tests", "fixtures", "hf", model);

    /// <summary>Runs <c>bam forward</c> and compares its logits.</summary>
    /// <param name="directory">The model.</param>
    /// <param name="expected">A file with <c>input_ids</c> and <c>logits</c>.</param>
    /// <returns>The run.</returns>
    public static CommandLineRun ShouldGive(string directory, string expected)
    {
        var output = $"{directory}-out.safetensors";
        var run = CommandLineRun.Of("forward", directory, "--input", expected, "--output", output);
        run.Status.ShouldBe(0, run.Error);
        var (actual, wanted) = (Read(output, "logits"), Read(expected, "logits"));
        actual.Length.ShouldBe(wanted.Length);
        actual.Zip(wanted).Max(pair => Math.Abs(pair.First - pair.Second)).ShouldBeLessThan(1e-5f);
        return run;
    }

    /// <summary>A tensor of a safetensors file.</summary>
    public static float[] Read(string path, string name)
    {
        using var file = SafetensorsFile.Open(path);
        var values = new float[file[name].Count];
        file.ReadFloat32(name, values);
        return values;
    }
}
