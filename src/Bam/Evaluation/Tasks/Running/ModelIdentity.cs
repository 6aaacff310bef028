using System.Globalization;
using Bam.Files;

namespace Bam.Evaluation.Tasks.Running;

/// <summary>Distinguishes the models of an evaluation.</summary>
internal static class ModelIdentity
{
    private static readonly string[] Extensions = [".json", ".safetensors"];

    /// <summary>
    /// The model's files with their sizes and times of change: another model, or a changed one, has another text.
    /// </summary>
    public static string Of(string model) =>
        string.Join('\n', ModelPath.Of(model).Directories.SelectMany(directory => new DirectoryInfo(directory).EnumerateFiles()
            .Where(file => Extensions.Contains(file.Extension)).OrderBy(file => file.Name, StringComparer.Ordinal)
            .Select(file => string.Create(
                CultureInfo.InvariantCulture, $"{file.FullName} {file.Length} {file.LastWriteTimeUtc.Ticks}"))));

    /// <summary>The name of the folder of a model's answers: its path with underscores for slashes.</summary>
    public static string FolderFor(string model)
    {
        var name = Path.TrimEndingDirectorySeparator(model).Replace('/', '_').TrimStart('.', '_');
        return name.Length > 0 ? name : "model";
    }
}
