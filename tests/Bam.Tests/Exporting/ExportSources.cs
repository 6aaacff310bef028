using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Models;
using Bam.Tests.Models;
using Bam.Upcycling;

namespace Bam.Tests.Exporting;

/// <summary>Models to export, and what is in them.</summary>
internal static class ExportSources
{
    public static string Mix(TemporaryDirectory directory, string method, MixtureOptions options)
    {
        Upcycler.Mix(method, options, directory["mixture"], SilentReporter.Instance);
        return directory["mixture"];
    }

    public static string Save(TemporaryDirectory directory, ModelConfig config)
    {
        using var model = TinyModels.Create(config);
        Directory.CreateDirectory(directory["model"]);
        ModelCheckpoint.Save(model, directory["model"]);
        return directory["model"];
    }

    public static float[] Numbers(Checkpoint source, string name)
    {
        var values = new float[source.Parameters.Single(parameter => parameter.Name == name).Count];
        source.ReadFloat32(name, values);
        return values;
    }
}
