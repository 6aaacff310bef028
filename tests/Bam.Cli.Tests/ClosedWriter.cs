using System.Text;

namespace Bam.Cli.Tests;

/// <summary>A terminal that hung up, or a log on a full disk: nothing can be written.</summary>
internal sealed class ClosedWriter : TextWriter
{
    public int Attempts { get; private set; }

    public override Encoding Encoding => Encoding.UTF8;

    public override void Write(char value)
    {
        Attempts++;
        throw new IOException("Input/output error");
    }
}
