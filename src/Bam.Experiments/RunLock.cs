using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Bam.Experiments.Phases;
using Bam.Experiments.Recipes;
using Bam.Files;

namespace Bam.Experiments;

/// <summary>
/// Lets the workers of one recipe into a run's directory, and keeps out those of another: each holds a shared lock on one byte of
/// the directory's lock file, at a position that follows from the recipe, and does not start while any other byte is locked.
/// </summary>
internal sealed class RunLock : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    private readonly string directory;
    private readonly FileLock file;

    private RunLock(string directory, FileLock file) => (this.directory, this.file) = (directory, file);

    /// <summary>
    /// SHA-256 of recipes, with paths relative to their folders, and of <paramref name="keys"/>, which stand for the text and the
    /// models that they name.
    /// </summary>
    public static string IdentityOf(IEnumerable<Recipe> recipes, IEnumerable<string> keys)
    {
        var texts = recipes.SelectMany(recipe => new[] { recipe.Name, RecipeWriter.Write(RecipePaths.Relative(recipe)) });
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', texts.Concat(keys)))));
    }

    /// <summary>Creates the directory if it does not exist and becomes one of its workers.</summary>
    /// <param name="directory">The run's directory.</param>
    /// <param name="identity">SHA-256 in hexadecimal digits; equal for workers that may share the directory.</param>
    /// <exception cref="InvalidInputException">Workers of another recipe are there, or a training.</exception>
    /// <exception cref="WorkFailedException">The directory cannot be written.</exception>
    public static RunLock Join(string directory, string identity)
    {
        var file = FileLock.Open(Path.Combine(directory, DirectoryLock.FileName));
        var position = 1 + (long)BinaryPrimitives.ReadUInt32BigEndian(Convert.FromHexString(identity));
        if (file.TryLock(LockKind.Shared, position, 1) != LockAttempt.Busy
            && !file.IsHeldElsewhere(0, position) && !file.IsHeldElsewhere(position + 1, 0))
            return new RunLock(directory, file);
        file.Dispose();
        throw new InvalidInputException(
            $"{directory}: another bam is at work there, with another recipe or other text; wait for it, stop it, or choose "
            + "another output");
    }

    /// <summary>Waits until no other worker writes results and reports, and keeps the others from it.</summary>
    /// <returns>Lets the others write when disposed of.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IDisposable LockResults(CancellationToken cancellation)
    {
        var results = FileLock.Open(Path.Combine(directory, PhaseLocks.FolderName, "results.lock"));
        try
        {
            while (results.TryLock(LockKind.Exclusive) == LockAttempt.Busy)
            {
                cancellation.WaitHandle.WaitOne(Interval);
                cancellation.ThrowIfCancellationRequested();
            }

            return results;
        }
        catch
        {
            results.Dispose();
            throw;
        }
    }

    /// <summary>Leaves the directory.</summary>
    public void Dispose() => file.Dispose();
}
